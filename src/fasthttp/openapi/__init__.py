"""The description of an app as an OpenAPI document, and the pages that show it. Loaded by nothing but these."""
