"""Tables from PostgreSQL to MySQL by DuckDB's two extensions, one `insert … select` each."""

import importlib
import sys
import tempfile
from pathlib import Path
from urllib.parse import urlsplit

import duckdb

postgres, schema, mysql, database, *tables = sys.argv[1:]
at = urlsplit(mysql)
duck = duckdb.connect()
for extension in ["postgres", "mysql"]:
    folder = Path(importlib.import_module(f"duckdb_extension_{extension}").__file__).parent
    # Its entry point is called after the file.
    file = Path(tempfile.mkdtemp()) / f"{extension}_scanner.duckdb_extension"
    file.symlink_to(next(folder.glob("extensions/*/*.duckdb_extension")))
    duck.execute(f"load '{file}'")
duck.execute(f"attach '{postgres}' as a (type postgres, read_only)")
words = f"host={at.hostname} port={at.port} user={at.username} password={at.password} database={database}"
duck.execute(f"attach '{words}' as b (type mysql)")
for table in tables:
    duck.execute(f"insert into b.{table} select * from a.{schema}.{table}")
