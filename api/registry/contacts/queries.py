"""Contacts as the bureau sees and enters them."""

import psycopg

from api.access.caller import Caller
from api.registry.contacts.answers import ContactList, ContactRecord, NewContactBody
from api.registry.parents import parent_enterprise_name
from api.web.records import refusals_answered
from registry.contacts import NewContact, contacts_of, enter_contact, shared_with

__all__ = ["list_contacts", "record_contact"]


def list_contacts(connection: psycopg.Connection, caller: Caller, uscc: str) -> ContactList:
    """The contacts of an enterprise.

    Raises:
        Problem: there is no such enterprise.
    """
    parent_enterprise_name(connection, caller, uscc)
    found = contacts_of(connection, uscc)
    return ContactList(
        items=[ContactRecord.model_validate(each, from_attributes=True) for each in found],
        shared_with=shared_with(connection, found[0]) if found else [],
    )


@refusals_answered()
def record_contact(
    connection: psycopg.Connection, caller: Caller, uscc: str, new: NewContactBody
) -> ContactRecord:
    """Enter whom to ask from now on, in a transaction of the caller's changes."""
    parent_enterprise_name(connection, caller, uscc)
    enter_contact(connection, uscc, NewContact(**new.model_dump()), by=caller.actor.name)
    return list_contacts(connection, caller, uscc).items[0]
