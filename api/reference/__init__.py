"""The API's reference page, made from its own OpenAPI document."""
