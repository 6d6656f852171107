"""The page in a real browser: sorted, filtered, light, dark and printed; no error, no request."""

import base64
import io
import json

import numpy as np
import pytest
from PIL import Image
from selenium.webdriver.support.ui import WebDriverWait

from pipelines.results.load import load_results


@pytest.fixture(scope="module")
def browser(chromium):
    """Return a driver of a headless Chromium of its own."""
    started = chromium()
    yield started
    started.quit()


@pytest.fixture
def page(browser, made):
    """Open the page anew, in light; after the test nothing must have been complained of or asked for."""
    in_colours(browser, "light")
    browser.get("about:blank")
    browser.get_log("browser"), browser.get_log("performance")
    browser.get(made.page.resolve().as_uri())
    yield browser
    assert browser.get_log("browser") == []
    assert requests(browser) == [made.page.resolve().as_uri()]


def requests(browser):
    """Return every address asked for but the data in the page itself."""
    events = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    asked = [e["params"]["request"]["url"] for e in events if e["method"] == "Network.requestWillBeSent"]
    return [url for url in asked if not url.startswith(("data:", "about:"))]


def in_colours(browser, scheme):
    feature = {"name": "prefers-color-scheme", "value": scheme}
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})


def picture(browser):
    """Return the window as (h, w, 3) uint8."""
    return np.asarray(Image.open(io.BytesIO(browser.get_screenshot_as_png())).convert("RGB"))


def column(browser, name):
    """Return the shown rows' values of a column of the results table, and click its title."""
    heads = browser.find_elements("css selector", "#results thead th")
    (index,) = [i for i, head in enumerate(heads) if head.text.split("\n")[0].strip() == name]
    script = (
        "return [...document.querySelectorAll('#results tbody tr')].filter(r => !r.hidden)"
        ".map(r => r.cells[arguments[0]].dataset.v ?? r.cells[arguments[0]].textContent)"
    )
    return heads[index], lambda: browser.execute_script(script, index)


def test_sorting_by_number(page, folder):
    head, values = column(page, "test %")
    button = head.find_element("tag name", "button")
    expected = sorted((c.test.accuracy for c in load_results(folder).cells), reverse=True)
    button.click()
    assert [float(v) for v in values()] == expected
    assert head.get_attribute("aria-sort") == "descending"
    button.click()
    assert [float(v) for v in values()] == expected[::-1]
    assert head.get_attribute("aria-sort") == "ascending"


def test_what_is_not_defined_sorts_last_both_ways(page):
    assert not page.find_element("css selector", "#results .more").is_displayed()
    page.find_element("id", "columns").click()
    head, values = column(page, "log loss")
    for _ in range(2):
        head.find_element("tag name", "button").click()
        found = values()
        assert all(found[:15])
        assert not any(found[15:])
    assert [float(v) for v in found[:15]] == sorted(float(v) for v in found[:15])


def test_sorting_by_text_with_the_keyboard(page):
    head, values = column(page, "head")
    head.find_element("tag name", "button").send_keys("\n")
    assert values() == sorted(values())
    assert head.get_attribute("aria-sort") == "ascending"


def test_filtering(page):
    box = page.find_element("id", "filter")
    box.send_keys("HOG bagged")
    _, extractors = column(page, "extractor")
    assert len(extractors()) == 3
    assert page.find_element("id", "shown").text == "3 of 25"
    box.send_keys(" nothing")
    assert extractors() == []
    box.clear()
    box.send_keys(" ")
    assert page.find_element("id", "shown").text == "25 of 25"


def test_a_link_and_the_list_open_a_cell(page, folder):
    run = load_results(folder).cells[0].run
    cell = page.find_element("id", f"cell-{run}")
    assert not cell.get_property("open")
    page.find_element("css selector", f"a[href='#cell-{run}']").click()
    assert WebDriverWait(page, 10).until(lambda _: cell.get_property("open"))  # by the event of the new hash
    other = load_results(folder).cells[1].run
    page.find_element("css selector", f"#pick option[value='cell-{other}']").click()
    assert page.find_element("id", f"cell-{other}").get_property("open")


def test_light_and_dark(page):
    light = picture(page)
    in_colours(page, "dark")
    dark = picture(page)
    assert light.mean() > 225
    assert dark.mean() < 60
    # The same page in other colours: ink stands in the same places.
    ink = [np.abs(p.astype(int) - np.median(p, axis=(0, 1))).max(axis=2) > 60 for p in (light, dark)]
    assert np.logical_and(*ink).sum() > 0.75 * np.logical_or(*ink).sum()


def test_structure_of_what_is_seen(page):
    """The screenshot is compared by structure: what stands where, and that nothing overlaps or sticks out."""
    boxes = page.execute_script(
        "const box = e => { const r = e.getBoundingClientRect();"
        " return [r.left, r.top + scrollY, r.right, r.bottom + scrollY]; };"
        "const all = s => [...document.querySelectorAll(s)].map(box);"
        "return {h2: all('h2'), charts: all('.chart svg'), figures: all('figure'), tables: all('#results'),"
        " width: document.documentElement.scrollWidth, height: document.documentElement.scrollHeight};"
    )
    assert boxes["width"] == 1400
    tops = [box[1] for box in boxes["h2"]]
    assert tops == sorted(tops)
    assert len(tops) >= 6
    assert all(right - left > 250 and bottom - top > 120 for left, top, right, bottom in boxes["charts"])
    assert all(left >= 0 and right <= 1400 for left, _, right, _ in boxes["figures"])
    for i, a in enumerate(boxes["figures"]):
        for b in boxes["figures"][i + 1 :]:
            assert a[2] <= b[0] + 1 or b[2] <= a[0] + 1 or a[3] <= b[1] + 1 or b[3] <= a[1] + 1
    (first,) = page.execute_script(
        "return [...document.querySelectorAll('#figure-accuracy-of-every-run svg')]"
        ".map(e => {"
        " const r = e.getBoundingClientRect();"
        " return [r.left, r.top + scrollY, r.right, r.bottom + scrollY]; })"
    )
    clip = {
        "x": first[0],
        "y": first[1],
        "width": first[2] - first[0],
        "height": first[3] - first[1],
        "scale": 1,
    }
    shot = page.execute_cdp_cmd("Page.captureScreenshot", {"captureBeyondViewport": True, "clip": clip})
    seen = np.asarray(Image.open(io.BytesIO(base64.b64decode(shot["data"]))).convert("RGB")).astype(int)
    for hexadecimal in ("0072b2", "d55e00", "009e73", "cc79a7", "e69f00"):  # a colour a head
        wanted = np.array([int(hexadecimal[i : i + 2], 16) for i in (0, 2, 4)])
        assert (np.abs(seen - wanted).max(axis=2) < 12).sum() > 100


def test_on_a_telephone_nothing_sticks_out(page):
    metrics = {"width": 390, "height": 800, "deviceScaleFactor": 1, "mobile": True}
    page.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    try:
        assert page.execute_script("return document.documentElement.scrollWidth") <= 390
        menu = "return document.querySelector('nav').getBoundingClientRect().height"
        assert page.execute_script(menu) < 50  # one line
        smallest = (
            "return Math.min(...[...document.querySelectorAll('.chart svg')].map(s => "
            "s.getBoundingClientRect().width / s.viewBox.baseVal.width))"
        )
        assert page.execute_script(smallest) > 1.1  # of 8 points: letters of 9 pixels or more
        frozen = (
            "const t = document.querySelector('#results').parentElement; t.scrollLeft = 200;"
            "return t.querySelector('td').getBoundingClientRect().left - t.getBoundingClientRect().left"
        )
        assert page.execute_script(frozen) == 0
    finally:
        page.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_printing(page):
    page.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print", "features": []})
    hidden = "return getComputedStyle(document.querySelector(arguments[0])).display"
    assert page.execute_script(hidden, "nav") == "none"
    assert page.execute_script(hidden, ".filter") == "none"
    assert (
        page.execute_script("return getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    )
    page.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "", "features": []})
    printed = page.execute_cdp_cmd("Page.printToPDF", {"preferCSSPageSize": True, "printBackground": True})
    data = base64.b64decode(printed["data"])
    assert data.startswith(b"%PDF")
    assert 4 <= data.count(b"/Type /Page\n") <= 40


@pytest.mark.usefixtures("svg_charts")
def test_markup_in_a_name_does_nothing(browser, tmp_path):
    from fabricate import fabricate

    from pipelines.reporting.report import write_report

    evil = "<img src=x onerror=document.title='bad'><script>document.title='bad'</script>"
    fabricate(tmp_path, extractors=(evil, "lbp"), heads=("svm",), classes=(evil, "a", "b"), n=60)
    made = write_report(tmp_path)
    browser.get_log("browser"), browser.get_log("performance")
    browser.get(made.page.resolve().as_uri())
    assert browser.title != "bad"
    assert evil in browser.find_element("css selector", "#results tbody td a").text
    assert browser.get_log("browser") == []
    assert requests(browser) == [made.page.resolve().as_uri()]
