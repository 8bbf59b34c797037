"""Logs: one JSON object a line on standard error, event names in static snake_case."""

import sys

import structlog

__all__ = ["configure_log"]


def configure_log() -> None:
    """Set up the log of a long-running process."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
