"""`brokerlake sql`: one query, or a shell."""

from __future__ import annotations

from pathlib import Path

import click

from brokerlake.cli.workplace import Day, Workplace, show


@click.command(
    epilog="Examples: brokerlake sql | brokerlake sql 'SHOW TABLES' | "
    "brokerlake sql 'FROM gold.rfm' --format csv --output rfm.csv"
)
@click.argument("query", required=False)
@click.option("--release", "number", type=click.IntRange(1), help="Release number; the current one when left out.")
@click.option("--night", type=Day(), help="The newest release of that night.")
@click.option("--format", "form", type=click.Choice(["table", "csv", "json", "parquet", "xlsx"]), default="table")
@click.option("--output", type=click.Path(dir_okay=False, path_type=Path), help="File to write.")
@click.pass_obj
def sql(place: Workplace, query: str | None, number: int | None, night, form: str, output: Path | None) -> None:
    """Ask a release in SQL (DuckDB's); without a query, a shell. SHOW TABLES lists tables with descriptions."""
    from brokerlake.reader import open_release
    from brokerlake.reader.formats import as_table, save, to_text
    from brokerlake.reader.queries import run_query

    released = open_release(place.settings(), number=number, night=night)
    if query is None:
        _open_shell(released)
        return
    rows = run_query(released.duckdb(), query)
    if output is not None:
        save(rows, form, output)
        click.echo(f"{output}: {rows.num_rows} rows", err=True)
    elif form == "table":
        show(as_table(rows))
    else:
        click.echo(to_text(rows, form), nl=False)


def _open_shell(released) -> None:
    from rich.console import Console

    from brokerlake.reader.shell import run_shell, use_history

    use_history(released.settings.private / "sql_history")
    run_shell(released, Console())
