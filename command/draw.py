"""`jieru draw`: which enterprises are visited, and what was found there."""

import hashlib
from datetime import date, timedelta
from pathlib import Path
from typing import Final

import click
import psycopg

from api.access.roles import Permission
from command.arguments import DAY, FILE, WHOLE_NUMBER, YEAR, json_option
from command.counting import now, open_database, print_json, today, width_of_output
from command.draw_tables import draws_report, sample_report, sizes_report
from command.help import example
from command.person import ClaimedName, by_option, taker_of
from jieru.audit import changing
from jieru.durable_files import write_output
from jieru.errors import UserError
from jieru.i18n import gettext as _
from jieru.settings import Settings, load_settings
from verifier.counting.run import count_year
from verifier.policy import load_policy
from verifier.procedure.clock import step_instant
from verifier.procedure.people import Act
from verifier.trust.draws.drawing import draw_sample, list_csv
from verifier.trust.draws.listing import list_of_count, list_of_kept_count
from verifier.trust.draws.records import (
    Announcement,
    Draw,
    drawn_enterprises,
    latest_draw,
    list_draws,
    publish_list,
    record_draw,
    result_of_draw,
    waiting_draw,
)
from verifier.trust.draws.results import Found
from verifier.trust.draws.sample import Sample
from verifier.trust.draws.visits import VisitReport, record_visit

__all__ = ["command"]

_LISTED_MAX: Final = 2_000
_USUAL_LISTS: Final = (30, 60, 100, 150, 300)


class _DrawGroup(click.Group):
    """`jieru draw 2026 ...` draws; any other word is one of the steps around it."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The step that the first word names, or the draw of a year."""
        if args and args[0][:1].isdigit():
            return "", self.commands["YEAR"], args
        return super().resolve_command(ctx, args)


@click.group(
    "draw",
    cls=_DrawGroup,
    help=_("Draw the enterprises to be visited, and record what visits found."),
    epilog=example(
        "jieru draw publish 2026 --size 38 --source 双色球第2027050期 --on 2027-05-09 "
        '--form "00 00 00 00 00 00 + 00" --by 林晓',
        'jieru draw 2026 --size 38 --public-value "03 07 12 18 25 31 + 09" --record --by 林晓',
    ),
)
def command() -> None:
    """The draw of a year: publish, draw, visit."""


_by = by_option(_("Who takes this step."))


@command.command(
    "YEAR",
    help=_(
        "Work out the sample from the published list, the public value and what was sealed; with "
        "--record it is drawn for good."
    ),
)
@click.argument("year", type=YEAR)
@click.option(
    "--size", metavar="N", type=WHOLE_NUMBER, required=True, help=_("How many are visited.")
)
@click.option(
    "--public-value",
    metavar="TEXT",
    required=True,
    help=_("What the announced source said, spelled in the form that was published."),
)
@click.option(
    "--reveal", metavar="FILE", type=FILE, help=_("The file that was sealed, byte by byte.")
)
@click.option("--record", "is_recorded", is_flag=True, help=_("Draw for good; once."))
@_by
@json_option
def _draw(
    *,
    year: int,
    size: int,
    public_value: str,
    reveal: Path | None,
    is_recorded: bool,
    name: ClaimedName,
    as_json: bool,
) -> None:
    settings = load_settings()
    revealed = None if reveal is None else _bytes_of(reveal)
    with open_database(settings) as connection:
        if is_recorded:
            _record(connection, settings, name, year, size, public_value, revealed)
        sample = _sample(connection, settings, year, size, public_value.strip(), revealed or b"")
    if as_json:
        print_json(sample.to_json_object())
    else:
        click.echo(sample_report(sample, width=width_of_output()))


@command.command(
    "publish",
    help=_(
        "Publish the list of a submitted count, and the value of a later day by which it will be "
        "drawn."
    ),
    epilog=example(
        "jieru draw publish 2026 --size 38 --source 双色球第2027050期 --on 2027-05-09 "
        '--form "00 00 00 00 00 00 + 00" --commitment SHA256 --output list-2026.csv --by 林晓'
    ),
)
@click.argument("year", type=YEAR)
@click.option(
    "--size", metavar="N", type=WHOLE_NUMBER, required=True, help=_("How many are visited.")
)
@click.option(
    "--source",
    metavar="TEXT",
    required=True,
    help=_("Where the public value will come from, such as a lottery's round."),
)
@click.option(
    "--on", metavar="DATE", type=DAY, required=True, help=_("When it comes to be: not today.")
)
@click.option(
    "--form",
    metavar="TEXT",
    required=True,
    help=_("How it will be spelled: a 0 for each digit, all else as it stands."),
)
@click.option(
    "--commitment",
    metavar="SHA256",
    help=_("Of the file that the finance bureau keeps sealed until the draw."),
)
@click.option("--output", metavar="FILE", type=FILE, help=_("Write the list here, as CSV."))
@_by
def _publish(
    *,
    year: int,
    size: int,
    source: str,
    on: date,
    form: str,
    commitment: str | None,
    output: Path | None,
    name: ClaimedName,
) -> None:
    settings = load_settings()
    with open_database(settings) as connection:
        act = _act(connection, settings, name, Permission.ADVANCE_COUNTS)
        with changing(connection, act.actor):
            draw = publish_list(
                connection,
                year,
                size=size,
                announcement=Announcement(source, on, form, commitment),
                by=act.name,
                at=act.at,
            )
    click.echo(
        _("Draw {id}: {listed} enterprises are listed, {size} of them will be visited.").format(
            id=draw.id, listed=draw.listed, size=draw.size
        )
    )
    click.echo(_("Digest of the list, to be made public now: {digest}").format(digest=draw.digest))
    if output is not None:
        _write(output, draw.content)


@command.command(
    "list",
    help=_("Write a published list as CSV, byte by byte."),
    epilog=example("jieru draw list 2026 --output list-2026.csv"),
)
@click.argument("year", type=YEAR)
@click.option("--output", metavar="FILE", type=FILE, help=_("Where to (default: the terminal)."))
def _list(*, year: int, output: Path | None) -> None:
    with open_database(load_settings()) as connection:
        draw = _latest(connection, year)
    if output is None:
        click.echo(draw.content, nl=False)
    else:
        _write(output, draw.content)


@command.command("show", help=_("Show the draws of a year, and what their visits found so far."))
@click.argument("year", type=YEAR)
@json_option
def _show(*, year: int, as_json: bool) -> None:
    with open_database(load_settings()) as connection:
        draws = list_draws(connection, year)
        drawn = {each.id: drawn_enterprises(connection, each) for each in draws}
    results = {each.id: result_of_draw(each, drawn[each.id]) for each in draws}
    if as_json:
        print_json(
            {
                "draws": [
                    {
                        **each.to_json_object(),
                        "drawn": [one.to_json_object() for one in drawn[each.id]],
                        "result": result.to_json_object() if result else None,
                    }
                    for each in draws
                    for result in (results[each.id],)
                ]
            }
        )
    else:
        click.echo(draws_report(draws, drawn, results, width=width_of_output()))


@command.command(
    "visit",
    help=_("Record what two people found at an enterprise; what is amiss opens a case."),
    epilog=example(
        "jieru draw visit 2026 xielian 91350300000000001Y --on 2027-05-12 --visitor 林晓 "
        "--visitor 陈静 --found as_registered --notes 三台机床在产 --document 门头.jpg --by 林晓"
    ),
)
@click.argument("year", type=YEAR)
@click.argument("platform")
@click.argument("uscc")
@click.option("--on", metavar="DATE", type=DAY, required=True, help=_("The day of the visit."))
@click.option(
    "--visitor", "visitors", metavar="NAME", multiple=True, help=_("Who went; give it twice.")
)
@click.option(
    "--found",
    type=click.Choice([each.value for each in Found]),
    required=True,
    help=_("What they found."),
)
@click.option("--notes", metavar="TEXT", required=True, help=_("What they saw; kept for good."))
@click.option(
    "--document",
    "documents",
    metavar="FILE",
    type=FILE,
    multiple=True,
    help=_("A photograph or paper, of which the SHA-256 is kept; keep the file yourself."),
)
@click.option("--case", metavar="ID", type=WHOLE_NUMBER, help=_("The case that it belongs to."))
@_by
def _visit(  # noqa: PLR0913 - one for each thing that is said of a visit
    *,
    year: int,
    platform: str,
    uscc: str,
    on: date,
    visitors: tuple[str, ...],
    found: str,
    notes: str,
    documents: tuple[Path, ...],
    case: int | None,
    name: ClaimedName,
) -> None:
    settings = load_settings()
    if len(visitors) != 2:  # noqa: PLR2004 - as the law of two people has it
        raise UserError("Two people visit together: both names are needed.")
    report = VisitReport(
        year=year,
        platform=platform,
        uscc=uscc,
        visited_on=on,
        first_visitor=visitors[0],
        second_visitor=visitors[1],
        found=Found(found),
        notes=notes,
        documents=tuple(hashlib.sha256(_bytes_of(each)).hexdigest() for each in documents),
        case_id=case,
    )
    with open_database(settings) as connection:
        act = _act(connection, settings, name, Permission.DECIDE)
        with changing(connection, act.actor):
            visit = record_visit(connection, report, by=act.name, at=act.at)
    click.echo(_("Visit {id} is recorded.").format(id=visit.id))
    if visit.case_id is not None:
        click.echo(_("It belongs to case {id}.").format(id=visit.case_id))


@command.command(
    "sizes",
    help=_("Show how many visits see one invented enterprise with 95 % confidence."),
    epilog=example("jieru draw sizes 60 150 300"),
)
@click.argument("listed", metavar="[LISTED]...", type=WHOLE_NUMBER, nargs=-1)
def _sizes(*, listed: tuple[int, ...]) -> None:
    if any(not 1 <= each <= _LISTED_MAX for each in listed):
        raise UserError("A list has 1 to {most} enterprises here.", most=f"{_LISTED_MAX:,}")
    click.echo(sizes_report(listed or _USUAL_LISTS, width=width_of_output()))


def _record(
    connection: psycopg.Connection,
    settings: Settings,
    name: ClaimedName,
    year: int,
    size: int,
    public_value: str,
    revealed: bytes | None,
) -> None:
    act = _act(connection, settings, name, Permission.ADVANCE_COUNTS)
    with changing(connection, act.actor):
        draw = waiting_draw(connection, year)
        _require_size(draw, size)
        record_draw(
            connection, draw, public_value=public_value, revealed=revealed, by=act.name, at=act.at
        )


def _sample(
    connection: psycopg.Connection,
    settings: Settings,
    year: int,
    size: int,
    public_value: str,
    revealed: bytes,
) -> Sample:
    """The sample of the list that was published last; where none was, of the list of now."""
    with connection.transaction():
        draw = latest_draw(connection, year)
    if draw is not None:
        _require_size(draw, size)
        drawing = draw.sample(public_value, revealed)
        return Sample(
            draw.year,
            draw.as_of,
            draw.content,
            public_value,
            drawing,
            draw.id,
            is_recorded=draw.seed == drawing.seed,
        )
    with connection.transaction():
        found = list_of_kept_count(connection, year, is_submitted=False)
    if found is None:
        count = count_year(
            connection,
            year,
            as_of=today() - timedelta(days=1),
            policy=load_policy(settings.policy),
        )
        with connection.transaction():
            found = list_of_count(connection, count)
    content = list_csv(found.rows)
    drawing = draw_sample(content, size=size, public_value=public_value, revealed=revealed)
    return Sample(year, found.as_of, content, public_value, drawing, None, is_recorded=False)


def _latest(connection: psycopg.Connection, year: int) -> Draw:
    draw = latest_draw(connection, year)
    if draw is None:
        raise UserError("No list of {year} is published.", year=year)
    return draw


def _require_size(draw: Draw, size: int) -> None:
    if min(size, draw.listed) != draw.size:
        raise UserError(
            "The list of {year} was published with {size} visits to be drawn: draw so many.",
            year=draw.year,
            size=draw.size,
        )


def _act(
    connection: psycopg.Connection, settings: Settings, name: ClaimedName, permission: Permission
) -> Act:
    taker = taker_of(connection, settings, name, permission)
    return Act(taker.actor, taker.name, step_instant(connection, now()))


def _bytes_of(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise UserError(
            "{file} cannot be read: {reason}.", file=file, reason=error.strerror
        ) from None


def _write(file: Path, content: bytes) -> None:
    try:
        write_output(file, content)
    except OSError as error:
        raise UserError(
            "{file} cannot be written: {reason}.", file=file, reason=error.strerror
        ) from None
    click.echo(_("The list is written to {file}.").format(file=file))
