"""An OpenAI-compatible host: everything is answered in the same exchange, except videos."""
