"""What a person does in JupyterLab: open, type, run, save, validate.

Everything is done by the mouse and the keyboard where that is what a test is about; the rest (many
answers at once, and what cells have put out) goes through the notebook's model in the page. Nothing
sleeps: each step waits for the state that a person would wait for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .server import JupyterServer

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

PANEL = "jupyterapp.shell.currentWidget"
READY = f"""path => window.jupyterapp?.shell.currentWidget?.context?.path === path
    && {PANEL}.context.isReady && {PANEL}.content.widgets?.length > 0
    && {PANEL}.sessionContext.session?.kernel?.status === 'idle'"""
CELLS = f"""() => {PANEL}.content.widgets.map(cell => ({{
    id: cell.model.id, kind: cell.model.type, count: cell.model.executionCount ?? null,
    outputs: cell.model.type === 'code' ? cell.model.outputs.toJSON() : [],
}}))"""
STOPPED = f"""() => {{
    const code = {PANEL}.content.widgets.map(cell => cell.model).filter(one => one.type === 'code');
    const failed = code.some(
        one => one.outputs.toJSON().some(output => output.output_type === 'error'));
    return (failed || code.at(-1).executionCount)
        && {PANEL}.sessionContext.session?.kernel?.status === 'idle';
}}"""
"""A run of all cells ends at the first error, or at the end."""
FIND = f"""text => {PANEL}.content.widgets
    .filter(cell => cell.model.sharedModel.getSource().includes(text))
    .map(cell => cell.model.id)"""
COUNT = f"""id => {PANEL}.content.widgets
    .find(cell => cell.model.id === id).model.executionCount"""
SHOW = f"""id => {{
    const notebook = {PANEL}.content;
    const index = notebook.widgets.findIndex(cell => cell.model.id === id);
    notebook.activeCellIndex = index;
    notebook.scrollToItem(index, 'start').catch(() => null);
    notebook.widgets[index].node.setAttribute('data-shown', id);
}}"""
SET = f"""([id, text]) => {PANEL}.content.widgets.find(cell => cell.model.id === id)
    .model.sharedModel.setSource(text)"""


class Lab:
    """A page with JupyterLab in it."""

    def __init__(self, page: Page, server: JupyterServer) -> None:
        self.page = page
        self.server = server

    def visit(self, folder: str = "") -> None:
        """Open JupyterLab with a folder in the file browser."""
        path = f"lab/tree/{folder}" if folder else "lab"
        self.page.goto(self.server.url(path, reset="1"))
        self.page.wait_for_function("() => window.jupyterapp")
        self.page.evaluate("async () => { await jupyterapp.restored; }")

    def open(self, path: str) -> None:
        """Open a notebook, and wait for its kernel."""
        self.visit(path)
        self.wait_until_ready(path)

    def open_with(self, folder: str, name: str, kind: str) -> None:
        """Right-click a file, choose *Open With*, and then what to open it with."""
        self.visit(folder)
        self.page.locator(".jp-DirListing-item", has_text=name).click(button="right")
        self.page.locator(".lm-Menu-item", has_text="Open With").hover()
        self.page.locator(".lm-Menu-item").get_by_text(kind, exact=True).click()
        self.wait_until_ready(f"{folder}/{name}")

    def wait_until_ready(self, path: str) -> None:
        """Wait until a notebook is shown and its kernel waits for work."""
        self.page.wait_for_function(READY, arg=path)

    def choose(self, menu: str, item: str) -> None:
        """Choose an item of a menu of the menu bar."""
        self.page.locator(".lm-MenuBar-item", has_text=menu).click()
        self.page.locator(".lm-Menu-item").get_by_text(item, exact=True).click()

    def run_all(self) -> None:
        """Run > Run All Cells, until nothing runs any more."""
        self.choose("Run", "Run All Cells")
        self.page.wait_for_function(STOPPED)

    def cells(self) -> list[dict[str, Any]]:
        """All cells: id, kind, execution count and outputs."""
        return list(self.page.evaluate(CELLS))

    def cell(self, cell_id: str) -> Locator:
        """A cell as it is drawn, scrolled to."""
        self.page.evaluate(SHOW, cell_id)
        cell = self.page.locator(f'.jp-Cell[data-shown="{cell_id}"]')
        cell.wait_for()
        cell.scroll_into_view_if_needed()
        return cell

    def find(self, text: str) -> str:
        """The id of the one cell with a text in it."""
        (found,) = self.page.evaluate(FIND, text)
        return str(found)

    def run(self, cell_id: str) -> None:
        """Click into a cell and press Ctrl+Enter, until it has run."""
        self.cell(cell_id).locator(".cm-content").click()
        self.page.keyboard.press("Control+Enter")
        self.page.wait_for_function(COUNT, arg=cell_id)

    def type(self, cell_id: str, text: str) -> None:
        """Click into a cell, select what is there, and write something else."""
        cell = self.cell(cell_id)
        rendered = cell.locator(".jp-MarkdownOutput")
        if rendered.count():
            rendered.dblclick()
        cell.locator(".cm-content").click()
        self.page.keyboard.press("ControlOrMeta+a")
        self.page.keyboard.insert_text(text)

    def set(self, cell_id: str, text: str) -> None:
        """Replace the text of a cell."""
        self.page.evaluate(SET, [cell_id, text])

    def save(self) -> None:
        """Save by the keyboard, until there is nothing left to save."""
        self.page.keyboard.press("ControlOrMeta+s")
        self.page.wait_for_function(f"() => !{PANEL}.context.model.dirty")

    def validate(self) -> Locator:
        """Press *Validate*; returns the dialog with what it found."""
        self.page.get_by_role("button", name="Validate").click()
        dialog = self.page.locator(".jp-Dialog-content", has_text="Validation Results")
        dialog.wait_for()
        return dialog


def saved(page, what):
    """Wait until formgrader has stored it; the tick that says so is soon gone."""
    return page.expect_response(
        lambda answer: (
            f"/formgrader/api/{what}/" in answer.url
            and answer.request.method == "PUT"
            and answer.ok
        )
    )
