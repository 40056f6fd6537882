"""What programs call over HTTP and MCP: an endpoint in OpenAI's form, a REST interface, tools for assistants."""
