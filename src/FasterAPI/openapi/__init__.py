"""The schema of an application (OpenAPI 3.1) and the pages that show it."""
