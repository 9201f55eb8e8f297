/** Foreign tables that `tag import` takes over. */
export const IMPORT_FORMATS = [
  'neuron',
  'kepware',
  'telegraf',
  'thingsboard',
  'opc-publisher',
  'oibus',
  'edgex',
  'ignition',
] as const;

/** One of them. */
export type ImportFormat = (typeof IMPORT_FORMATS)[number];
