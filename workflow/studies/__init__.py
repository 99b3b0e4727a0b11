"""What `bittrue bench study` measures: one file a study, on the cases and the store of workflow/accuracy."""
