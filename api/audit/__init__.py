"""The record of every change: who, when, from where, what, before and after."""
