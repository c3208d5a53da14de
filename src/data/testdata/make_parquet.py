"""Writes mixed.parquet, the fixture of parquet_test.cc: python3 make_parquet.py (needs pyarrow).

Each cell is a function of its row's number, which the test computes again. Several row groups, pages far smaller than a
batch, dictionary pages that overflow into plain ones, nulls.
"""
import datetime
import pathlib

import pyarrow
import pyarrow.parquet

ROWS = 1200
START = datetime.datetime(2001, 1, 1)


def origin(i):
    return None if i % 13 == 0 else ["ATL", "LAX", "PHL", "", "ORD"][i * i % 5]


rows = range(ROWS)
when = [START + datetime.timedelta(seconds=i * 3671) for i in rows]
table = pyarrow.table(
    {
        "when": pyarrow.array(when, pyarrow.timestamp("us")),
        "when_ms": pyarrow.array([None if i % 7 == 3 else when[i] for i in rows], pyarrow.timestamp("ms")),
        "date": pyarrow.array([w.date() for w in when], pyarrow.date32()),
        "delay": pyarrow.array([i * 7919 % 40 - 5 for i in rows], pyarrow.int64()),
        "weight": pyarrow.array([i % 5 / 2 for i in rows], pyarrow.float32()),
        "origin": pyarrow.array([origin(i) for i in rows], pyarrow.string()),
        "user": pyarrow.array([f"u{i * i % 1009}" for i in rows], pyarrow.large_string()),
        "distance": pyarrow.array([i * 31 % 2500 - 100 for i in rows], pyarrow.int32()),
        "night": pyarrow.array([i % 3 == 0 for i in rows], pyarrow.bool_()),
        "id": pyarrow.array([i * 11400714819323198485 % 2**64 for i in rows], pyarrow.uint64()),
        "small_id": pyarrow.array([4294967295 - i for i in rows], pyarrow.uint32()),
        "score": pyarrow.array([None if i % 11 == 0 else i / 8 for i in rows], pyarrow.float64()),
        "price": pyarrow.array([i / 4 for i in rows], pyarrow.float64()).cast(pyarrow.decimal128(9, 2)),
        "tags": pyarrow.array([[i] for i in rows], pyarrow.list_(pyarrow.int32())),
    }
)
pyarrow.parquet.write_table(
    table,
    pathlib.Path(__file__).with_name("mixed.parquet"),
    row_group_size=500,
    data_page_size=900,
    write_batch_size=64,
    dictionary_pagesize_limit=300,
    use_dictionary=["origin", "user", "distance"],
    compression={"user": "snappy", "id": "none", "origin": "gzip"},
    write_statistics=False,
    store_schema=False,
    write_page_checksum=True,
    store_decimal_as_integer=True,
)
