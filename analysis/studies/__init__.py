"""One file a subject: what is measured of a trained model, drawn and said."""
