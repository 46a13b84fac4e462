"""The report of the answer shown, handed to the browser as a file and kept nowhere."""

from __future__ import annotations

import gradio as gr

from analysis.session import Sessions
from ui import wording
from ui.report import report
from ui.requests import told
from ui.state import MODEL_CALLS, PRIVATE, QueryResult, State

NAME = "hug-report.html"
SAVE = """(content) => {
  if (!content) return;
  const link = document.createElement('a');
  link.href = URL.createObjectURL(new Blob([content], {type: 'text/html;charset=utf-8'}));
  link.download = '%s';
  document.body.appendChild(link); link.click(); link.remove();
  setTimeout(() => URL.revokeObjectURL(link.href), 60000);
  return '';
}"""


def build(sessions: Sessions, state: State) -> None:
    """A button; what it makes passes through a hidden component that is emptied at once."""
    with gr.Accordion(wording.REPORT, open=False, elem_id="report"):
        gr.Markdown(wording.REPORT_TEXT, elem_classes="hug-note")
        run = gr.Button(wording.REPORT_RUN, size="sm", elem_id="report-run")
        content = gr.Textbox("", label=wording.REPORT, visible="hidden", max_length=None)

    @told
    def made(result: QueryResult) -> str:
        return report(sessions.get(result.model), result)

    run.click(made, state.result, content, **MODEL_CALLS, **PRIVATE).success(
        None, content, content, js=SAVE % NAME, show_progress="hidden", **PRIVATE
    )
