"""The page: Gradio and nothing else. Callbacks ask `analysis` and show what comes back."""
