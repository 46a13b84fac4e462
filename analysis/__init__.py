"""Questions about a trained model: tables and figures, no widgets and no training."""
