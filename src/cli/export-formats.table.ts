/** What `event export` writes. */
export const EXPORT_FORMATS = ['jsonl', 'csv', 'csv-wide', 'cbor', 'parquet'] as const;
export type ExportFormat = (typeof EXPORT_FORMATS)[number];
