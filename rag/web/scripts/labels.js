// What Gradio leaves without a name, or names by HTML, for screen readers.
