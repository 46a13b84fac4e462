"""One file a tab: its components, and how they are wired."""
