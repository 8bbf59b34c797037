"""The shapes of the pipeline, as OpenAPI documents them."""

from datetime import date, datetime

from pydantic import BaseModel, ConfigDict, Field

from api.pipeline.next_step import NextStepKind
from api.pipeline.rows import Stage
from api.web.paging import Page
from verifier.counting.determination import Outcome
from verifier.counting.outlook import Result

__all__ = ["NextStepAnswer", "PipelineItem", "PipelinePage", "YearAnswer"]


class NextStepAnswer(BaseModel):
    """What is to be done next."""

    kind: NextStepKind
    text: str = Field(description="The same in the reader's language.")


class PipelineItem(BaseModel):
    """One enterprise on one platform in the year."""

    platform: str
    uscc: str
    name: str
    confirmation: str | None = Field(
        description="What the enterprise says of the connection; null: nothing was registered."
    )
    devices: int = Field(description="That stand for it today.")
    devices_required: int = Field(description="That must be active on a day.")
    devices_with_credential: int
    devices_heard: int = Field(description="Of its devices, those ever heard.")
    devices_silent: int = Field(description="Of its devices, those heard once and no longer.")
    silent_since: datetime | None
    last_heard_at: datetime | None
    passed: list[Stage] = Field(description="The stages behind it.")
    result: Result | None = Field(description="Null: registered, and not computed yet.")
    outcome: Outcome | None = Field(description="What the count says of it today.")
    active_days: int | None = Field(description="In its window, or in its best attempt so far.")
    active_days_required: int | None
    window_from: date | None = Field(description="Null: no window runs.")
    complete_on: date | None = Field(
        description="The earliest last day of its window: what the count says on this day, if "
        "every day until then is active."
    )
    silent_days: int | None = Field(description="Of a running window: since the last active day.")
    gap_left_days: int | None = Field(
        description="Further silent days in a row that leave `complete_on` as it is; null: no "
        "window runs, or it can no longer break."
    )
    last_start_on: date | None = Field(
        description="The last day on which a window for this year can begin."
    )
    next_step: NextStepAnswer


class PipelinePage(Page[PipelineItem]):
    """One page of the pipeline."""

    year: int
    as_of: date = Field(description="The last day of the evidence.")


class YearAnswer(BaseModel):
    """The year of a platform, or of all of them, in one look."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "year": 2026,
                    "as_of": "2026-11-24",
                    "computed_at": "2026-11-25T00:10:02Z",
                    "enterprises": 20,
                    "results": {
                        "counted": 12,
                        "pending": 3,
                        "at_risk": 1,
                        "not_yet": 2,
                        "not_this_year": 2,
                    },
                    "passed": {
                        "confirmed": 11,
                        "devices": 19,
                        "credential": 20,
                        "heard": 18,
                        "running": 16,
                        "complete": 12,
                    },
                    "award_yuan": 120000,
                    "award_if_all_hold_yuan": 150000,
                    "cap_yuan": 150000,
                    "left_yuan": 30000,
                }
            ]
        }
    )

    year: int
    as_of: date = Field(description="The last day of the evidence.")
    computed_at: datetime | None = Field(description="Null: it is being computed; ask again.")
    enterprises: int
    results: dict[Result, int]
    passed: dict[Stage, int] = Field(description="How many have passed each stage.")
    award_yuan: int | None = Field(description="By what is counted now.")
    award_if_all_hold_yuan: int | None = Field(description="If every running window is completed.")
    cap_yuan: int | None
    left_yuan: int | None = Field(description="Under the cap, by what is counted now.")
