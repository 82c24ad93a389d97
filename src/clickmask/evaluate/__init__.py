"""The field's measurements: a robot user clicks, every click is a record, all figures come from the records."""
