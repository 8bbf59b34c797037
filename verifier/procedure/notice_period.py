"""The public notice: how long it lasts, in Chinese working days. Pure."""

from datetime import date, timedelta

import chinese_calendar

from jieru.errors import UserError

__all__ = ["notice_end"]


def notice_end(published_on: date, working_days: int) -> date:
    """The last day of a notice, which counts from the day after publication.

    Args:
        published_on: the civil day of publication.
        working_days: how many; weekends and public holidays do not count, worked weekends do.

    Raises:
        UserError: the calendar of public holidays does not reach so far.
    """
    day, left = published_on, working_days
    while left > 0:
        day += timedelta(days=1)
        try:
            left -= chinese_calendar.is_workday(day)
        except NotImplementedError:
            raise UserError(
                "The public holidays of {year} are not known to this program: install a newer "
                "release of chinesecalendar, or name the last day of the notice yourself.",
                year=day.year,
            ) from None
    return day
