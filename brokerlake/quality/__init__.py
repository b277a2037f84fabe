"""The gate: contract and Great Expectations on each written version, before anything is published."""
