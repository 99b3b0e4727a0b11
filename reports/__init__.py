"""Pages and figures that show a reader what a run found. What they write goes to the folder a user names."""
