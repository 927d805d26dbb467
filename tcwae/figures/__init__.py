"""The figures of a study, one module a kind; each reads tables and draws."""
