"""The dashboard: pages, HTTP API, reports and who may see them."""
