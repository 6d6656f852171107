"""A window that shows images and hears keys: Tk, which comes with Python; the OpenCV needed has none."""

from __future__ import annotations

from typing import Any, Protocol

from featurize.images import Image

#: Images are reduced to this size to be shown.
WIDTH, HEIGHT = 1280, 800
#: Names of keys that are heard, by Tk's.
_KEYS = {"space": "save", "q": "end", "Q": "end", "Escape": "end"}


class ScreenError(OSError):
    """No window can be opened; `str()` is one line that says what to do."""


class Screen(Protocol):
    """What `pipelines.prediction.live` shows images on."""

    def show(self, image: Image) -> list[str]:
        """Show an (h, w, 3) RGB image; return what was asked for since the last: "save", "end"."""
        ...

    def close(self) -> None:
        """Close the window."""
        ...


class TkScreen:
    """A window of Tk.

    Raises
    ------
    ScreenError
        If this Python has no Tk, or there is no display.
    """

    def __init__(self, title: str = "mueca: Space saves, q ends") -> None:
        try:
            import tkinter
        except ImportError:
            raise ScreenError(
                "this Python has no window (tkinter); install python3-tk, or use mueca predict VIDEO --draw"
            ) from None
        try:
            self.root = tkinter.Tk()
        except tkinter.TclError:
            raise ScreenError(
                "no display to open a window on; run it on a desktop, or use mueca predict VIDEO --draw"
            ) from None
        self._asked: list[str] = []
        self.root.title(title)
        self.root.protocol("WM_DELETE_WINDOW", lambda: self._asked.append("end"))
        self.root.bind("<Key>", self._heard)
        self._label = tkinter.Label(self.root, borderwidth=0, background="black")
        self._label.pack()
        self.photo: Any = None

    def _heard(self, event: Any) -> None:
        if event.keysym in _KEYS:
            self._asked.append(_KEYS[event.keysym])

    def show(self, image: Image) -> list[str]:
        """Show an image; return what was asked for since the last."""
        import tkinter

        # Tk keeps no reference to what it shows: `self.photo` does.
        self.photo = tkinter.PhotoImage(data=_ppm(_reduced(image)), format="PPM")
        self._label.configure(image=self.photo)
        self.root.update()
        asked, self._asked = self._asked, []
        return asked

    def close(self) -> None:
        """Close the window."""
        self.photo = None
        self.root.destroy()


def _reduced(image: Image) -> Image:
    scale = min(WIDTH / image.shape[1], HEIGHT / image.shape[0], 1.0)
    if scale == 1.0:
        return image
    import cv2

    size = max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale))
    return cv2.resize(image, size, interpolation=cv2.INTER_AREA)  # type: ignore[return-value]


def _ppm(image: Image) -> bytes:
    return f"P6 {image.shape[1]} {image.shape[0]} 255\n".encode() + image.tobytes()
