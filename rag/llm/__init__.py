"""Language models behind one client: asked, streamed, stopped."""
