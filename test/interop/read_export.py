"""Reads an export with what others wrote, and prints what it found as JSON: read_export.py parquet|csv|cbor FILE."""

import json
import sys

kind, path = sys.argv[1:]
if kind == "cbor":
    import cbor2

    batches = []
    with open(path, "rb") as file:
        while True:
            try:
                batches.append(cbor2.load(file))
            except cbor2.CBORDecodeEOF:
                break
    items = [item for envelope, _lists in batches for item in envelope["items"]]
    print(json.dumps({"format": batches[0][0]["format"], "sequences": [item[0] for item in items]}))
else:
    import duckdb

    source = f"read_{kind}('{path}')"
    columns = [[name, str(kind)] for name, kind, *_ in duckdb.sql(f"DESCRIBE SELECT * FROM {source}").fetchall()]
    rows = duckdb.sql(
        f"SELECT tag, count(*) AS n, min(CAST(value AS DOUBLE)), max(CAST(value AS DOUBLE)), min(epoch_ms(time)), any_value(quality) "
        f"FROM {source} WHERE tag <> '' GROUP BY tag ORDER BY tag"
    ).fetchall()
    print(json.dumps({"columns": columns, "rows": rows}))
