"""Draws, samples and sizes as text tables; programs take JSON."""

from collections.abc import Iterable, Mapping, Sequence

from command.count_tables import Page, text_table
from jieru.i18n import gettext as _
from verifier.trust.draws.bounds import SHARES_PERCENT, sample_sizes
from verifier.trust.draws.records import Draw, DrawnEnterprise
from verifier.trust.draws.results import Result, finding_of
from verifier.trust.draws.sample import Sample
from verifier.trust.draws.saying import said_of
from verifier.trust.draws.words import FOUND_WORDS

__all__ = ["draws_report", "sample_report", "sizes_report"]


def sample_report(sample: Sample, *, width: int) -> str:
    """Whom values draw, and what it is worked out from."""
    page = Page(width)
    if sample.draw_id is None:
        page.lines(_("A rehearsal: no list of this year is published."))
    elif sample.is_recorded:
        page.lines(_("Draw {id} of {year}").format(id=sample.draw_id, year=sample.year))
    else:
        page.lines(
            _("Draw {id} of {year}, worked out with these values and not recorded").format(
                id=sample.draw_id, year=sample.year
            )
        )
    page.lines(
        _("Digest of the list: {digest}").format(digest=sample.drawing.digest),
        _("Public value: {value}").format(value=sample.public_value),
        _("Seed: {seed}").format(seed=sample.drawing.seed),
        _("Of {listed} enterprises {drawn} are visited.").format(
            listed=len(sample.listed), drawn=len(sample.drawing.drawn)
        ),
        _("If all are as registered, at most {bound} are not, with 95 % confidence.").format(
            bound=sample.bound_if_none_is_found
        ),
    )
    table = text_table(
        _("Enterprises to visit"), [_("Platform"), _("Code"), _("Stratum"), _("Ticket")]
    )
    for each in sample.drawing.drawn:
        table.add_row(
            each.listed.platform, each.listed.uscc, str(each.listed.number), each.ticket[:16]
        )
    page.table(table)
    return page.text()


def draws_report(
    draws: Sequence[Draw],
    drawn: Mapping[int, Sequence[DrawnEnterprise]],
    results: Mapping[int, Result | None],
    *,
    width: int,
) -> str:
    """The draws of a year, with what was found at each enterprise."""
    page = Page(width)
    if not draws:
        page.lines(_("No list is published."))
    for draw in draws:
        page.lines(
            _("Draw {id} of {year}").format(id=draw.id, year=draw.year),
            _("Digest of the list: {digest}").format(digest=draw.digest),
            _("Announced: {source}, {day}").format(
                source=draw.announced_source, day=draw.announced_on.isoformat()
            ),
            _("Spelled as: {form}").format(form=draw.value_form),
        )
        result = results[draw.id]
        if result is None:
            page.lines(
                _("Not drawn yet: {size} of {listed} will be.").format(
                    size=draw.size, listed=draw.listed
                )
            )
            continue
        page.lines(
            _("Public value: {value}").format(value=draw.public_value),
            str(said_of(result.to_json_object())),
        )
        table = text_table(
            _("Enterprises to visit"),
            [_("Platform"), _("Code"), _("Name"), _("Finding")],
        )
        for each in drawn[draw.id]:
            found = _(FOUND_WORDS[finding_of(each.findings)]) if each.found else _("not visited")
            table.add_row(each.platform, each.uscc, each.enterprise, found)
        page.table(table)
    return page.text()


def sizes_report(lists: Iterable[int], *, width: int) -> str:
    """How many visits see one invented enterprise, by length of the list and assumed share."""
    page = Page(width)
    table = text_table(
        _("Visits that see one invented enterprise with 95 % confidence"),
        [_("Listed"), *(f"{each} %" for each in SHARES_PERCENT)],
    )
    for each in sample_sizes(lists):
        table.add_row(f"{each.listed:,}", *(f"{size:,}" for size in each.sizes))
    page.table(table)
    return page.text()
