"""Runs each model's SQL in DuckDB and compares its rows with those that engine wrote as csv into a folder."""

import csv
import math
import pathlib
import re
import sys

import duckdb

written = pathlib.Path(sys.argv[1])
db = duckdb.connect()
db.sql("create schema nyc")
for file in sorted(pathlib.Path("data").glob("*.csv")):
    db.sql(f"create view nyc.{file.stem} as from read_csv('{file}', nullstr = 'NA', sample_size = -1)")


def plain(template: str) -> str:
    """The SQL of a first, full build."""
    sql = re.sub(r"\{\{ config\(.*?\) \}\}", "", template, flags=re.S)
    sql = re.sub(r"\{% if is_incremental\(\) %\}.*?\{% endif %\}", "", sql, flags=re.S)
    sql = re.sub(r'\{\{ source\("(\w+)", "(\w+)"\) \}\}', r"\1.\2", sql)
    # DuckDB divides whole numbers into fractions with `/`.
    return sql.replace("year / 10 * 10", "year // 10 * 10")


def key(row):
    return [str(cell) for cell in row[:4]]


def same(ours: str, theirs) -> bool:
    if theirs is None:
        return ours == ""
    if isinstance(theirs, float):
        return math.isclose(float(ours), theirs, rel_tol=1e-12)
    return ours == str(theirs)


failed = False
for model in sorted(pathlib.Path("project/models").glob("*.sql")):
    theirs = sorted(db.sql(plain(model.read_text())).fetchall(), key=key)
    with open(written / f"{model.stem}.csv", newline="") as file:
        ours = sorted(list(csv.reader(file))[1:], key=key)
    pairs = zip(ours, theirs)
    different = [(a, b) for a, b in pairs if len(a) != len(b) or not all(map(same, a, b))]
    failed |= bool(different) or len(ours) != len(theirs)
    print(f"{model.stem}: {len(ours)} rows, DuckDB {len(theirs)}, {len(different)} different")
    for pair in different[:3]:
        print("  ", *pair, sep="\n    ")
sys.exit(failed)
