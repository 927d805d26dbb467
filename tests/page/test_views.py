"""The page in headless Chromium: each view, by mouse and by keyboard, without one error in the console."""

import re
from urllib.parse import quote, unquote

import numpy as np
import pytest
from browser import opener, settle, wait_until

import tcwae
from page import studied
from page.test_page import RUN
from tcwae.page.page import page as write_page

pytestmark = pytest.mark.browser
OTHER = "dsprites/wae_mmd/cross_entropy/lambda=10_latent_dimension=4/seed=0"
VIEWS = ["#summary", "#runs", f"#run?id={quote(RUN)}", f"#run?id={quote(RUN)}&beside={quote(OTHER)}", "#latents"]


def at(opened, folder, address):
    page = opened(folder / "index.html", address)
    page.locator("h1").wait_for()
    return page


def shown(page, column):
    """A column of the table of runs."""
    return page.locator(f".runs tbody tr > :nth-child({column})").all_inner_texts()


def times(page, count):
    """Another table, of so many runs."""
    page.evaluate(
        """(count) => {
        const runs = study.table;
        study.table = Array.from({ length: count }, (_, n) =>
            ({ ...runs[n % 4], seed: n, values: runs[n % 4].values.map((value) => value + ((n * 389) % 857)) }));
        route();
    }""",
        count,
    )
    settle(page)


@pytest.mark.parametrize("address", VIEWS)
@pytest.mark.parametrize("options", [{}, {"viewport": {"width": 390, "height": 800}, "color_scheme": "dark"}])
def test_each_view_fits_its_window_and_runs_nothing_that_a_name_says(browser, folder, address, options):
    with opener(browser, **options) as opened:
        page = at(opened, folder, address)
        page.wait_for_load_state()
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert page.locator("script:not([src]), main script, main img[src=x], main h2 b, main i").count() == 0


def test_titles_and_names_are_shown_as_they_are(opened, folder):
    page = at(opened, folder, "#summary")
    assert page.locator("h2").first.inner_text() == studied.TITLE
    assert page.get_by_role("link", name=studied.NAME, exact=True).count() == 1


@pytest.mark.parametrize("address", VIEWS)
def test_every_link_leads_somewhere(opened, folder, address):
    page = at(opened, folder, address)
    links = page.locator("a[href]").evaluate_all("(links) => links.map((link) => link.getAttribute('href'))")
    assert len(links) > 5
    names = page.evaluate("Object.keys(views)")
    for target in set(links):
        if target.startswith("#"):
            assert re.match(r"#(\w+)", target)[1] in (*names, "main")
        else:
            assert (folder / unquote(target)).is_file(), target


def test_sorting_by_a_score_goes_both_ways_and_the_better_end_is_first(opened, folder):
    page = at(opened, folder, "#runs")
    times(page, 30)
    head = page.get_by_role("columnheader", name="MIG")
    for order, sign in (("descending", -1), ("ascending", 1)):
        head.get_by_role("button").click()
        assert head.get_attribute("aria-sort") == order
        values = [float(text.replace(",", "")) for text in shown(page, 5)]
        assert values == sorted(values, key=lambda value: sign * value)
    page.get_by_role("columnheader", name="log-reconstruction").get_by_role("button").press("Enter")
    values = [float(text.replace(",", "")) for text in shown(page, 4)]
    assert values == sorted(values)


def test_search_and_choices_filter_and_the_address_remembers_them(opened, folder):
    page = at(opened, folder, "#runs")
    assert len(shown(page, 1)) == 4
    page.get_by_label("Search").fill("beta=8_lat seed=1")
    assert page.get_by_role("status").inner_text() == "1 of 4 runs"
    page.get_by_label("Search").fill("")
    page.get_by_label("Method").select_option("WAE-MMD")
    assert shown(page, 1) == ["WAE-MMD"] * 2
    page.reload()
    page.locator("h1").wait_for()
    assert shown(page, 1) == ["WAE-MMD"] * 2
    page.get_by_role("link", name="WAE-MMD").first.click()
    page.get_by_role("heading", name="Training").wait_for()
    page.go_back()
    page.get_by_role("status").wait_for()
    assert shown(page, 1) == ["WAE-MMD"] * 2


def test_856_rows_are_sorted_and_searched_without_a_stutter(opened, folder):
    page = at(opened, folder, "#runs")
    times(page, 856)
    took = page.evaluate("""async () => {
        const took = [];
        const search = document.querySelector("input[type=search]");
        const act = async (action) => {
            const start = performance.now();
            action();
            document.body.offsetHeight; // layout
            took.push(performance.now() - start);
            await new Promise(requestAnimationFrame);
        };
        for (const head of document.querySelectorAll(".runs th button")) await act(() => head.click());
        for (const word of ["b", "be", "bet", "seed=1", ""]) await act(() => {
            search.value = word;
            search.dispatchEvent(new Event("input", { bubbles: true }));
        });
        return took;
    }""")
    print("milliseconds:", np.round(took))
    while len(shown(page, 1)) < 856:
        page.locator(".runs tbody tr").last.scroll_into_view_if_needed()
    assert np.median(took) < 1000  # a hang: it takes some 20 ms


def test_two_marked_runs_stand_side_by_side(opened, folder):
    page = at(opened, folder, "#runs")
    for box in page.get_by_role("checkbox").all()[::3]:
        box.check()
    page.get_by_role("link", name="side by side").click()
    page.get_by_role("heading", name="Latents in motion").wait_for()
    assert " beside " in page.locator("h1").inner_text()
    left, right = (place.bounding_box() for place in page.locator(".tiles").all())
    assert left["y"] == right["y"]
    assert left["x"] + left["width"] < right["x"]
    assert page.locator(".panels path").count() >= 4


def test_latents_move_until_a_click_and_by_hand(opened, folder):
    page = at(opened, folder, f"#run?id={quote(RUN)}")
    at_now = "document.querySelector('.tiles').parentNode.style.getPropertyValue('--step')"
    wait_until(page, f"(window.seen = (window.seen ?? new Set()).add({at_now})).size > 3")
    page.locator(".tiles .picture").first.click()
    still = page.evaluate(at_now)
    page.wait_for_timeout(400)
    assert page.evaluate(at_now) == still
    page.get_by_label("by hand").fill("0")
    assert page.evaluate(at_now) == "0"
    place = page.locator(".tiles .picture").first
    seen = [place.evaluate("(picture) => getComputedStyle(picture).backgroundPosition")]
    for start in (1, 2):
        page.get_by_label("from image").select_option(index=start)
        seen.append(place.evaluate("(picture) => getComputedStyle(picture).backgroundPosition"))
    assert [float(where.split()[1].rstrip("%")) for where in seen] == pytest.approx([0, 400 / 11, 800 / 11], abs=0.01)
    assert {float(where.split()[0].rstrip("%")) for where in seen} == {0}
    assert "−2" in page.locator(".controls output").inner_text()
    page.get_by_role("button", name="Play").press("Space")
    wait_until(page, f"{at_now} !== '0'")
    assert page.locator(".tiles .picture").count() == 4


def test_who_wants_no_motion_sees_none_until_asking_for_it(browser, folder):
    with opener(browser, reduced_motion="reduce") as opened:
        page = at(opened, folder, f"#run?id={quote(RUN)}")
        assert page.get_by_role("button", name="Play").is_visible()


def test_the_sliders_show_what_pytorch_decodes(opened, folder):
    page = at(opened, folder, "#latents")
    page.get_by_text("z = 0").click()
    page.get_by_label("z1").first.fill("1.5")
    settle(page)
    canvas = page.locator("canvas[aria-label=decoded]").first
    pixels = canvas.evaluate("(canvas) => Array.from(canvas.getContext('2d').getImageData(0, 0, 64, 64).data)")
    run = page.locator(".sliders section p").first.inner_text()
    code = np.zeros((1, 4), np.float32)
    code[0, 1] = 1.5
    expected = tcwae.load(folder / "runs" / run).decode(code)[0, ..., 0]
    np.testing.assert_allclose(np.reshape(pixels, (64, 64, 4))[..., 0] / 255, expected, atol=1e-2)
    page.locator("fieldset input").first.uncheck()
    wait_until(page, "document.querySelectorAll('.sliders section').length === 1")


def test_an_unknown_run_is_said(opened, copy):
    page = opened(copy / "index.html", "#run?id=none")
    assert page.locator(".fault").inner_text() == "The study has no run none."


def test_a_damaged_figure_and_rows_left_out_are_said(opened, copy):
    (copy / "figures" / "comparison-samples.h5").write_bytes(b"damaged")
    write_page(copy)
    page = at(opened, copy, "#summary")
    assert page.get_by_text("Not read: figures/comparison-samples.h5: ").count() == 1
    page.evaluate("study.left_out = [{ experiment: 'more', rows: ['one', '<b>two'] }]; route()")
    assert page.get_by_text("Left out of more: one, <b>two, as no setting to select has finished").count() == 1


def test_a_lost_file_is_said(browser, copy):
    for path in (copy / "page" / "runs").glob("*.js"):
        path.unlink()
    context = browser.new_context(offline=True)
    page = context.new_page()
    page.goto((copy / "index.html").as_uri() + f"#run?id={quote(RUN)}")
    page.locator(".fault").wait_for()
    assert "cannot be read" in page.locator(".fault").inner_text()
    context.close()
