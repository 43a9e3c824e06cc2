"""The steps of the workflow as plain functions: each reads files, computes and writes files."""
