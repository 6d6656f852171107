"""The page in a real browser: a photo, a video, the camera; nothing asked elsewhere, nothing sent runs."""

import io
import json
import time

import numpy as np
import pytest
from PIL import Image
from skimage import data as pictures

from pipelines.utils.palette import BOXES
from tests.helpers.videofiles import moving_face, write
from tests.pipelines.web.conftest import encoded

#: Height in pixels of a line of text that can be read.
READABLE = 13
NASTY = "<img src=x onerror=alert(1)> ñ.png"


@pytest.fixture(scope="module")
def browser(chromium, tmp_path_factory):
    """Return a Chromium whose camera shows the astronaut."""
    camera = tmp_path_factory.mktemp("camera") / "face.mjpeg"
    frame = Image.fromarray(pictures.astronaut()[:300, :400]).resize((640, 480))
    camera.write_bytes(encoded(frame, "JPEG", quality=90) * 10)
    started = chromium(
        "--use-fake-device-for-media-stream",
        "--use-fake-ui-for-media-stream",
        f"--use-file-for-fake-video-capture={camera}",
    )
    yield started
    started.quit()


@pytest.fixture
def page(browser, client):
    """Open the page; after the test nothing must have been complained of, or asked for elsewhere."""
    browser.get("about:blank")
    browser.get_log("browser"), browser.get_log("performance")
    browser.get(client.url)
    yield browser
    events = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    asked = [e["params"]["request"]["url"] for e in events if e["method"] == "Network.requestWillBeSent"]
    assert [u for u in asked if not u.startswith((client.url, "data:", "about:", f"blob:{client.url}"))] == []
    assert [entry for entry in browser.get_log("browser") if "415" not in entry["message"]] == []


def wait(what, seconds=30):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := what():
            return found
        time.sleep(0.1)
    raise AssertionError("it did not come")


def all_of(page, selector):
    return page.find_elements("css selector", selector)


def choose(page, *paths):
    """Choose files and wait for as many results more."""
    before = len(all_of(page, ".result"))
    page.find_element("id", "files").send_keys("\n".join(map(str, paths)))
    wait(lambda: len(all_of(page, ".result")) == before + len(paths))


def colours(page):
    """Return the window as (h, w, 3) int."""
    return np.asarray(Image.open(io.BytesIO(page.get_screenshot_as_png())).convert("RGB")).astype(int)


def test_a_photo_and_what_is_none(page, face, tmp_path):
    (tmp_path / "words.png").write_text("no image")
    (tmp_path / NASTY).write_bytes(face)
    choose(page, tmp_path / "words.png", tmp_path / NASTY)
    photo, fault = all_of(page, ".result")
    assert "words.png: text, not an image" in fault.text
    assert photo.find_element("tag name", "h3").text == f"{NASTY}: 1 face"
    assert not all_of(page, "img[src='x']"), "a file name went in as HTML"
    bars = [row.text.split() for row in all_of(page, ".face tr")]
    assert [b[0] for b in bars] == ["angry", "disgust", "fear", "happy", "neutral", "sad", "surprise"]
    assert 98 <= sum(int(b[1]) for b in bars) <= 102
    wide = [float(b.value_of_css_property("width")[:-2]) for b in all_of(page, ".face .track span")]
    label = all_of(page, ".result h4")[0].text.split()[1]
    assert int(np.argmax(wide)) == [b[0] for b in bars].index(label)
    box = all_of(page, ".stage rect.box")[0].rect
    picture = all_of(page, ".stage img")[0].rect
    middle = (box["x"] + box["width"] / 2 - picture["x"]) / picture["width"]
    assert abs(middle - 225 / 400) < 0.06
    page.execute_script("arguments[0].scrollIntoView()", photo)
    colour = BOXES[[b[0] for b in bars].index(label)]
    found = np.abs(colours(page) - colour).max(axis=2) < 12
    assert found.sum() > 500, "box and bar are drawn in the class's colour"


def test_the_example_photo(page):
    page.find_element("id", "example").click()
    (photo,) = wait(lambda: all_of(page, ".result"))
    assert photo.find_element("tag name", "h3").text == "example.jpg: 1 face"
    assert not all_of(page, ".none")


def test_a_label_on_the_image_can_be_read(page, face, tmp_path):
    image = Image.open(io.BytesIO(face))
    image.resize((3 * image.width, 3 * image.height)).save(tmp_path / "large.jpg")
    (tmp_path / "small.jpg").write_bytes(face)
    choose(page, tmp_path / "large.jpg", tmp_path / "small.jpg")
    high = [text.rect["height"] for text in all_of(page, ".stage svg text")]
    assert len(high) == 2
    assert min(high) >= READABLE


def test_what_no_face_may_mean(page, tmp_path):
    Image.new("RGB", (200, 200), "teal").save(tmp_path / "wall.png")
    choose(page, tmp_path / "wall.png")
    assert (
        "turned away, covered, on its side, dark, or too small (under 29 pixels)"
        in all_of(page, ".none")[0].text
    )


def test_small_faces_are_asked_for_in_words(page, face, tmp_path):
    (tmp_path / "a.jpg").write_bytes(face)
    page.find_elements("css selector", "#detector option")[1].click()
    choose(page, tmp_path / "a.jpg")
    assert any(url.endswith("/predict?small_faces=true") for url in asked_of(page))


def asked_of(page):
    """Return the addresses that the page has asked for."""
    events = [json.loads(entry["message"])["message"] for entry in page.get_log("performance")]
    return [e["params"]["request"]["url"] for e in events if e["method"] == "Network.requestWillBeSent"]


def test_a_model_is_chosen_in_words(page, face, tmp_path):
    (tmp_path / "a.jpg").write_bytes(face)
    choices = {
        one.text.partition(" (")[0]: one for one in page.find_elements("css selector", "#model option")
    }
    assert {"accurate", "small"} <= set(choices)
    assert "% of fer2013 right" in choices["small"].text
    choices["small"].click()
    choose(page, tmp_path / "a.jpg")
    assert any(url.endswith("/predict?model=small") for url in asked_of(page))


def test_classes_have_one_colour(page):
    bars = all_of(page, "#limits .track span")
    found = [bar.value_of_css_property("background-color") for bar in bars]
    known = [f"rgba({r}, {g}, {b}, 1)" for r, g, b in BOXES[: len(bars)]]
    assert found == known


def test_the_keyboard_reaches_everything(page, face, tmp_path):
    from selenium.webdriver import ActionChains, Keys

    (tmp_path / "a.jpg").write_bytes(face)
    choose(page, tmp_path / "a.jpg")
    page.execute_script("document.activeElement.blur(); scrollTo(0, 0)")
    seen = []
    for _ in range(14):
        ActionChains(page).send_keys(Keys.TAB).perform()
        at = page.switch_to.active_element
        seen.append(at.get_attribute("id") or at.get_attribute("class") or at.text)
    assert {"skip", "files", "camera-start", "clear", "face", "Save with boxes", "Save as JSON"} <= set(seen)
    page.find_element("id", "clear").send_keys(Keys.ENTER)
    assert not page.find_element("id", "results").is_displayed()


def test_a_screen_reader_is_told(page, face, tmp_path):
    (tmp_path / "a.jpg").write_bytes(face)
    choose(page, tmp_path / "a.jpg")
    status = page.find_element("id", "status")
    assert (status.aria_role, status.get_attribute("aria-live")) == ("status", "polite")
    wait(lambda: status.text == "a.jpg: 1 face")
    assert all_of(page, ".stage img")[0].accessible_name == "a.jpg: 1 face"
    assert all_of(page, ".face")[0].accessible_name.startswith("face 1: ")
    for control in all_of(page, "button, input, a"):
        hidden = control.tag_name != "input" and not control.is_displayed()
        assert hidden or control.accessible_name, control.get_attribute("outerHTML")


def test_a_video_with_its_time_line(page, tmp_path):
    page.execute_script("""
        window.told = [];
        const bar = document.getElementById("progress");
        const tell = () => { if (!bar.hidden) told.push(bar.value); };
        new MutationObserver(tell).observe(bar, { attributes: true });
    """)
    choose(page, write(tmp_path / "face.mp4", moving_face(25)))
    (result,) = all_of(page, ".result")
    assert result.find_element("tag name", "h3").text == "face.mp4: 1 track in 1.0 s"
    told = page.execute_script("return told")
    assert told
    assert all(0 <= share <= 1 for share in told)
    assert not page.find_element("id", "progress").is_displayed()
    (chart,) = all_of(page, ".result svg.chart")
    assert chart.get_attribute("aria-label").startswith("time line, track 1: ")
    assert len(all_of(page, ".result svg.chart polygon")) == 7
    at = "return document.querySelector('.result rect.box')?.x.baseVal.value"
    first = wait(lambda: page.execute_script(at))
    chart.click()  # its middle is the middle of the video
    wait(lambda: page.execute_script("return document.querySelector('.result video').currentTime") > 0.3)
    wait(lambda: (page.execute_script(at) or 0) > first + 10)


def test_the_camera(page):
    page.find_element("id", "camera-start").click()
    wait(lambda: all_of(page, "#camera-faces .face"))
    assert all_of(page, "#camera-marks rect.box")
    wait(lambda: "images a second" in page.find_element("id", "camera-pace").text)
    page.find_element("id", "camera-keep").click()
    wait(lambda: all_of(page, ".result img"))
    page.find_element("id", "camera-stop").click()
    assert not page.find_element("id", "camera").is_displayed()
    assert page.execute_script("return document.getElementById('camera-video').srcObject") is None


def test_a_camera_that_is_unplugged(page):
    page.find_element("id", "camera-start").click()
    wait(lambda: all_of(page, "#camera-faces .face"))
    page.execute_script(
        "document.getElementById('camera-video').srcObject.getTracks()[0].dispatchEvent(new Event('ended'))"
    )
    assert page.find_element("id", "status").text == "The camera was unplugged."
    assert not page.find_element("id", "camera").is_displayed()


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("NotFoundError", "there is none"),
        ("NotAllowedError", "not allowed"),
        ("NotReadableError", "another program"),
    ],
)
def test_no_camera(page, fault, said):
    page.execute_script(
        "navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException('', arguments[0]))",
        fault,
    )
    button = page.find_element("id", "camera-start")
    button.click()
    wait(lambda: said in page.find_element("id", "status").text)
    assert button.is_enabled()


def test_a_page_whose_server_has_stopped_says_so(browser, serve, face, tmp_path):
    server = serve()
    browser.get(server.url)
    server.close()
    (tmp_path / "a.jpg").write_bytes(face)
    choose(browser, tmp_path / "a.jpg")
    assert "is mueca serve still running?" in all_of(browser, ".result")[0].text


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_light_dark_and_narrow(page, scheme):
    page.execute_cdp_cmd(
        "Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
    )
    shot = colours(page)
    assert (shot.mean() > 200) == (scheme == "light")
    metrics = {"width": 390, "height": 800, "deviceScaleFactor": 1, "mobile": True}
    page.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    try:
        assert page.execute_script("return document.documentElement.scrollWidth") <= 390
    finally:
        page.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_the_page_for_programs(page, client):
    page.get(f"{client.url}/docs")
    titles = wait(lambda: [h.text for h in all_of(page, "h2")][3:] and [h.text for h in all_of(page, "h2")])
    assert {"POST /predict", "GET /health"} <= set(titles)


@pytest.mark.usefixtures("svg_charts")
def test_a_report_opens_and_sorts_in_its_sandbox(browser, serve, tmp_path):
    from pipelines.reporting.report import Options, write_report
    from tests.pipelines.reporting.fabricate import fabricate

    folder = fabricate(tmp_path / "results" / "made", ("hog",), ("svm", "knn"), n=60)
    write_report(folder, options=Options(embedding="none"))
    server = serve(reports=tmp_path / "results")
    browser.get(server.url)
    assert all_of(browser, "#reports a")[0].text == "made"
    browser.get_log("browser")
    browser.get(f"{server.url}/reports/made")
    browser.find_element("id", "filter").send_keys("knn")
    assert browser.find_element("id", "shown").text == "1 of 2"
    assert browser.execute_script("return self.origin") == "null", "it must have no origin"
    assert browser.get_log("browser") == []
