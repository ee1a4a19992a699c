"use strict";
/* The report's script: sorting, filtering, hiding systems, and the page of one run.
   Texts only ever become text nodes: nothing from a record is read as HTML. */
(() => {
  const byId = (id) => document.getElementById(id);
  const SVG = "http://www.w3.org/2000/svg";

  /** An element with attributes and children; children are nodes or texts. */
  function make(name, attributes, ...children) {
    const node = document.createElement(name);
    for (const [key, value] of Object.entries(attributes || {})) node.setAttribute(key, value);
    node.append(...children);
    return node;
  }

  function draw(name, attributes, ...children) {
    const node = document.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(attributes || {})) node.setAttribute(key, value);
    node.append(...children);
    return node;
  }

  const read = (id) => JSON.parse(byId(id).textContent);

  /* Colours */

  const THEMES = ["system", "light", "dark"];
  function startColours() {
    const button = byId("theme");
    let at = 0;
    button.hidden = false;
    button.addEventListener("click", () => {
      at = (at + 1) % THEMES.length;
      if (at) document.documentElement.dataset.colours = THEMES[at];
      else delete document.documentElement.dataset.colours;
      button.textContent = at ? `Colours: ${THEMES[at]}` : "Colours: as the system";
    });
  }

  /* Systems of a scenario */

  function startSystems(campaign) {
    const choice = campaign.querySelector(".systems");
    if (!choice) return;
    choice.hidden = false;
    choice.addEventListener("change", (event) => {
      for (const node of campaign.querySelectorAll(".sys")) {
        if (node.dataset.system === event.target.value) {
          node.toggleAttribute("hidden", !event.target.checked);
        }
      }
    });
  }

  /* The table of all runs */

  function startTable() {
    const table = byId("all-runs");
    const body = table.tBodies[0];
    const rows = [...body.rows];
    const form = byId("filters");
    const words = byId("words");
    const selects = [...form.querySelectorAll("select")];
    let texts = null;

    function shownText(row, column) {
      return row.cells[column].firstChild ? row.cells[column].firstChild.textContent : "";
    }

    function filter() {
      texts = texts || rows.map((row) => row.textContent.toLowerCase());
      const wanted = words.value.toLowerCase().split(/\s+/).filter(Boolean);
      const chosen = selects.filter((select) => select.value);
      let count = 0;
      rows.forEach((row, at) => {
        const fits = wanted.every((word) => texts[at].includes(word))
          && chosen.every((select) => shownText(row, select.dataset.column) === select.value);
        row.hidden = !fits;
        count += fits;
      });
      byId("count").textContent = `${count} of ${rows.length} runs`;
    }

    function sort(column, descending) {
      const isNumber = table.tHead.rows[0].cells[column].classList.contains("n");
      const key = (row) => {
        const cell = row.cells[column];
        if (!isNumber) return cell.textContent;
        return cell.dataset.v === undefined ? null : Number(cell.dataset.v);
      };
      const keyed = rows.map((row, at) => [key(row), at, row]);
      keyed.sort(([a, i], [b, j]) => {
        if (a === null || b === null) return (a === null) - (b === null) || i - j; // last
        const order = isNumber ? a - b : a.localeCompare(b, "en", { numeric: true });
        return (descending ? -order : order) || i - j;
      });
      const sorted = document.createDocumentFragment();
      for (const [, , row] of keyed) sorted.append(row);
      body.append(sorted);
    }

    [...table.tHead.rows[0].cells].forEach((head, column) => {
      const button = make("button", { type: "button" }, head.textContent);
      head.replaceChildren(button);
      button.addEventListener("click", () => {
        const descending = head.getAttribute("aria-sort") === "ascending";
        for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
        head.setAttribute("aria-sort", descending ? "descending" : "ascending");
        sort(column, descending);
      });
    });
    form.hidden = false;
    form.addEventListener("input", filter);
    form.addEventListener("submit", (event) => event.preventDefault());
    form.addEventListener("reset", () => setTimeout(filter));
    byId("count").textContent = `${rows.length} runs`;
  }

  /* The page of one run */

  let shared = null;
  const title = document.title;

  function showRun() {
    const anchor = location.hash.startsWith("#run-") ? location.hash.slice(5) : null;
    const source = anchor && byId(`data-${anchor}`);
    const page = byId("run");
    byId("overview").hidden = Boolean(source);
    page.hidden = !source;
    page.replaceChildren();
    document.title = title;
    if (!source) {
      const place = location.hash.length > 1 && byId(location.hash.slice(1));
      if (place && place.matches("details")) place.open = true;
      if (place) place.scrollIntoView();
      return;
    }
    shared = shared || read("shared");
    const run = read(`data-${anchor}`);
    document.title = `${run.name}: ${title}`;
    page.append(...runPage(run));
    page.focus({ preventScroll: true });
    scrollTo(0, 0);
  }

  /** A list of facts from the place of its head and its values: [title, [[name, value]]]. */
  function paired([head, values]) {
    const [title, names] = shared.heads[head];
    return [title, names.map((name, at) => [name, values[at]])];
  }

  function facts(pairs, caption) {
    const rows = pairs.map(([name, value]) =>
      make("tr", {}, make("th", { scope: "row" }, name), make("td", {}, value)));
    return make("table", {}, make("caption", {}, caption), make("tbody", {}, ...rows));
  }

  function folded(head, content, isOpen) {
    const node = make("details", isOpen ? { open: "" } : {}, make("summary", {}, head), content);
    return node;
  }

  function runPage(run) {
    const isOk = run.status === "ok";
    const nodes = [
      make("p", { class: "back" }, make("a", { href: "#runs" }, "← All runs"),
        ...(run.search ? [" · ", make("a", { href: `#${run.search}` },
          "Its search: all systems, task tree")] : [])),
      make("h2", { id: "run-head" }, run.name),
      make("p", {}, make("span", { class: `badge ${isOk ? "good" : "bad"}` }, run.status),
        run.reason ? ` ${run.reason}` : ""),
    ];
    const list = make("dl", { class: "facts" });
    for (const [name, value] of paired(run.facts)[1]) {
      list.append(make("div", {}, make("dt", {}, name), make("dd", {}, value)));
    }
    nodes.push(list);
    for (const [sentence, invalidates] of run.flags || []) {
      nodes.push(make("p", { class: `callout ${invalidates ? "bad" : "unsure"}` }, sentence));
    }
    for (const problem of run.problems || []) {
      nodes.push(make("p", { class: "callout bad" }, problem));
    }
    nodes.push(make("h3", {}, "Again"));
    nodes.push(run.command ? make("pre", {}, run.command)
      : make("p", { class: "note" }, "It was measured by another version of this program: "
        + "no command repeats exactly this run. Its parameters are below."));
    nodes.push(make("p", { class: "note" }, "Kept in ", make("code", {}, run.folder),
      run.lanes ? "; all of its timeline: " : "",
      run.lanes ? make("code", {}, run.trace) : ""));
    if (run.phases) {
      const doubt = isOk ? "" : " (of a run that does not count)";
      nodes.push(make("h3", {}, `Time by phase${doubt}`), phaseTable(run));
    }
    if (run.lanes || run.tracks) {
      nodes.push(make("h3", {}, run.lanes ? "Timeline" : "Hardware"), ...timeline(run));
    } else if (isOk) {
      nodes.push(make("p", { class: "note" }, "There is no timeline of this run."));
    }
    if (run.ranking) nodes.push(make("h3", {}, "Best models"), ranking(run));
    const columns = make("div", { class: "columns" });
    const own = [...(run.plans || []), ...(run.sections || [])];
    for (const section of [...own, ...(run.shared || []).map((at) => shared.sections[at])]) {
      const [head, pairs] = paired(section);
      const isOpen = head.startsWith("Decided") || ["Limits", "Cache proof"].includes(head);
      columns.append(folded(head, facts(pairs, head), isOpen));
    }
    nodes.push(make("h3", {}, "Everything else"), columns);
    return nodes;
  }

  function phaseTable(run) {
    const total = run.phases.reduce((sum, [, seconds]) => sum + seconds, 0);
    const rows = run.phases.map(([name, seconds]) => make("tr", {},
      make("th", { scope: "row" }, make("span", { class: `swatch p-${name}` }),
        shared.titles[name] || name),
      make("td", { class: "n" }, `${digits(seconds)} s`),
      make("td", { class: "n" }, `${Math.round(100 * seconds / total)}%`)));
    const heads = ["phase", "time", "share"].map((head, at) =>
      make("th", at ? { scope: "col", class: "n" } : { scope: "col" }, head));
    return make("table", { class: "narrow" }, make("thead", {}, make("tr", {}, ...heads)),
      make("tbody", {}, ...rows));
  }

  function ranking(run) {
    const heads = ["place", "model", "accuracy", "scored last in round"].map((head) =>
      make("th", { scope: "col" }, head));
    const rows = run.ranking.map(([model, score, round], at) => make("tr", {},
      make("td", {}, String(at + 1)), make("th", { scope: "row" }, model),
      make("td", {}, score), make("td", {}, round === null ? "–" : String(round))));
    return make("table", {}, make("thead", {}, make("tr", {}, ...heads)),
      make("tbody", {}, ...rows));
  }

  function digits(value) {
    if (value === 0) return "0";
    return Math.abs(value) >= 1000 ? Math.round(value).toLocaleString("en")
      : String(Number(value.toPrecision(3)));
  }

  /** [[phase, from, to]] of a lane, as shares of the run: letters and step counts. */
  function pieces(code) {
    const found = [];
    let at = 0;
    for (const [, letter, count] of code.matchAll(/([a-z])(\d+)/g)) {
      const phase = shared.shown[letter.charCodeAt(0) - 97];
      found.push([phase, at, at + Number(count)]);
      at += Number(count);
    }
    return found.map(([phase, from, to]) => [phase, from / at, to / at]);
  }

  /* Lanes and counters over one axis of time that can be zoomed. */

  const LEFT = 120, RIGHT = 90, LANE = 30, TRACK = 64, AXIS = 24, ALL = 1000;

  function timeline(run) {
    const lanes = (run.lanes || []).map(([name, code]) => [name, pieces(code)]);
    const tracks = run.tracks || [];
    const ends = tracks.map((track) => track[3]);
    const starts = tracks.map((track) => track[2]);
    const whole = [Math.min(0, ...(run.length_s ? [0] : starts)),
      run.length_s || Math.max(...ends)];
    if (!(whole[1] > whole[0])) return [];
    let [from, to] = whole;
    let crossAt = null;
    let pickedFrom = null;
    const height = lanes.length * LANE + tracks.length * TRACK + AXIS;
    const clip = "clip-chart";
    const chart = draw("svg", {
      class: "chart", viewBox: `0 0 ${ALL} ${height}`, role: "img", tabindex: "0",
      "aria-label": `Timeline of ${digits(whole[1] - whole[0])} seconds: `
        + [...lanes.map(([name]) => name), ...tracks.map(([name]) => name)].join(", ")
        + ". Keys: plus and minus zoom, arrows move, 0 shows all.",
    });
    const readout = make("output", { id: "readout" });
    const shade = draw("rect", { class: "picked", y: 0, height: height - AXIS, width: 0 });
    const cross = draw("path", { class: "cross", d: "" });
    const x = (seconds) => LEFT + (seconds - from) / (to - from) * (ALL - LEFT - RIGHT);
    const secondsAt = (place) => from + (place - LEFT) / (ALL - LEFT - RIGHT) * (to - from);

    function redraw() {
      chart.replaceChildren(draw("clipPath", { id: clip }, draw("rect", {
        x: LEFT, y: 0, width: ALL - LEFT - RIGHT, height })));
      let y = 0;
      for (const [name, found] of lanes) {
        const group = draw("g", { "clip-path": `url(#${clip})` });
        for (const [phase, a, b] of found) {
          const [left, right] = [x(a * run.length_s), x(b * run.length_s)];
          if (phase === "idle" || right < LEFT || left > ALL - RIGHT) continue;
          group.append(draw("rect", {
            class: `p-${phase}`, x: left, y: y + 4, width: Math.max(0.3, right - left),
            height: LANE - 8 }));
        }
        chart.append(group, label(name, LEFT - 8, y + LANE / 2 + 4, "name"));
        y += LANE;
      }
      for (const track of tracks) {
        drawTrack(track, y);
        y += TRACK;
      }
      axis(y);
      chart.append(shade, cross);
      point();
    }

    /** Only what follows the pointer: nothing else is drawn anew while it moves. */
    function point() {
      const isShown = crossAt !== null && crossAt >= from && crossAt <= to;
      cross.setAttribute("d", isShown ? `M${x(crossAt)} 0V${height - AXIS}` : "");
      const [a, b] = isShown && pickedFrom !== null
        ? [x(pickedFrom), x(crossAt)].sort((p, q) => p - q) : [0, 0];
      shade.setAttribute("x", a);
      shade.setAttribute("width", b - a);
      say();
    }

    function label(text, at, y, kind) {
      const words = text.length > 17 ? wrap(text, 17) : [text];
      const node = draw("text", { class: kind, y: y - (words.length - 1) * 7 });
      words.forEach((line, number) => node.append(
        draw("tspan", { x: at, dy: number ? 14 : 0 }, line)));
      return node;
    }

    function drawTrack([name, unit, a, b, values], y) {
      const known = values.filter((value) => value !== null);
      const most = Math.max(...known), least = Math.min(0, ...known);
      const step = (b - a) / (values.length - 1);
      const place = (value) => y + TRACK - 8
        - (value - least) / (most - least || 1) * (TRACK - 18);
      let path = "";
      values.forEach((value, at) => {
        if (value === null) return;
        path += `${path ? "L" : "M"}${x(a + at * step).toFixed(1)} ${place(value).toFixed(1)}`;
      });
      chart.append(
        draw("path", { class: "base", d: `M${LEFT} ${place(least)}H${ALL - RIGHT}` }),
        draw("g", { "clip-path": `url(#${clip})` }, draw("path", { class: "line", d: path })),
        label(name, LEFT - 8, y + TRACK / 2, "name"),
        label(`${digits(most)} ${unit}`, ALL - RIGHT + 6, y + 16, ""));
    }

    function axis(y) {
      const rough = (to - from) / 6;
      const power = 10 ** Math.floor(Math.log10(rough));
      const step = [1, 2, 5, 10].map((each) => each * power).find((each) => each >= rough);
      for (let at = Math.ceil(from / step - 1e-9) * step; at <= to; at += step) {
        chart.append(draw("path", { class: "base", d: `M${x(at)} ${y}v5` }),
          draw("text", { class: "tick", x: x(at), y: y + 18 }, `${Number(at.toPrecision(6))} s`));
      }
    }

    function say() {
      if (crossAt === null) {
        readout.textContent = `${digits(to - from)} s of ${digits(whole[1] - whole[0])} s shown. `
          + "Drag to zoom in, hover to read values.";
        return;
      }
      const parts = [`at ${digits(crossAt)} s`];
      for (const [name, found] of lanes) {
        const share = crossAt / run.length_s;
        const hit = found.find(([, a, b]) => share >= a && share < b);
        if (hit) parts.push(`${name}: ${shared.titles[hit[0]]}`);
      }
      for (const [name, unit, a, b, values] of tracks) {
        const value = values[Math.round((crossAt - a) / (b - a) * (values.length - 1))];
        if (value !== null && value !== undefined) parts.push(`${name}: ${digits(value)} ${unit}`);
      }
      readout.textContent = parts.join(" · ");
    }

    function show(a, b) {
      const shortest = (whole[1] - whole[0]) / 200;
      const length = Math.min(Math.max(b - a, shortest), whole[1] - whole[0]);
      from = Math.min(Math.max(a, whole[0]), whole[1] - length);
      to = from + length;
      redraw();
    }

    const middle = () => (crossAt !== null && crossAt > from && crossAt < to
      ? crossAt : (from + to) / 2);
    const zoom = (factor) => {
      const at = middle();
      show(at - (at - from) * factor, at + (to - at) * factor);
    };
    const move = (share) => show(from + share * (to - from), to + share * (to - from));
    const actions = [["Zoom in", "+", () => zoom(0.5)], ["Zoom out", "-", () => zoom(2)],
      ["Earlier", "ArrowLeft", () => move(-0.25)], ["Later", "ArrowRight", () => move(0.25)],
      ["All", "0", () => show(...whole)]];
    const tools = make("div", { class: "tools", role: "group", "aria-label": "Timeline" });
    for (const [text, , act] of actions) {
      const button = make("button", { type: "button" }, text);
      button.addEventListener("click", act);
      tools.append(button);
    }
    chart.addEventListener("keydown", (event) => {
      const key = event.key === "=" ? "+" : event.key;
      const found = actions.find(([, wanted]) => wanted === key);
      if (!found || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      found[2]();
    });
    const pointed = (event) => {
      const box = chart.getBoundingClientRect();
      const place = (event.clientX - box.left) / box.width * ALL;
      return place < LEFT || place > ALL - RIGHT ? null : secondsAt(place);
    };
    chart.addEventListener("pointermove", (event) => {
      const at = pointed(event);
      if (at === null && pickedFrom !== null) return;
      crossAt = at;
      point();
    });
    chart.addEventListener("pointerdown", (event) => { pickedFrom = pointed(event); });
    chart.addEventListener("pointerup", () => {
      const picked = pickedFrom;
      pickedFrom = null;
      if (picked === null || crossAt === null) return;
      const [a, b] = [picked, crossAt].sort((p, q) => p - q);
      if (b - a > (to - from) / 100) show(a, b);
      else point();
    });
    chart.addEventListener("pointerleave", () => {
      crossAt = pickedFrom = null;
      point();
    });
    redraw();
    const legend = make("ul", { class: "legend", "aria-label": "Phases" });
    const seen = new Set(lanes.flatMap(([, found]) => found.map(([phase]) => phase)));
    for (const phase of shared.shown) {
      if (phase === "idle" || !seen.has(phase)) continue;
      legend.append(make("li", {}, make("span", { class: `swatch p-${phase}` }),
        shared.titles[phase]));
    }
    return [tools, chart, readout, legend];
  }

  function wrap(text, width) {
    const lines = [""];
    for (const word of text.split(" ")) {
      const last = lines[lines.length - 1];
      if (last && last.length + word.length >= width) lines.push(word);
      else lines[lines.length - 1] = last ? `${last} ${word}` : word;
    }
    return lines;
  }

  /* Printing: what is folded is unfolded, as long as a printer can take it. */

  const MOST_UNFOLDED = 60;
  function unfold() {
    const all = [...document.querySelectorAll("details:not([open])")];
    const shown = all.filter((node) => !node.closest("[hidden]"));
    if (shown.length <= MOST_UNFOLDED) for (const node of shown) node.open = true;
  }

  startColours();
  for (const campaign of document.querySelectorAll(".campaign")) startSystems(campaign);
  startTable();
  addEventListener("hashchange", showRun);
  addEventListener("beforeprint", unfold);
  if (location.hash) showRun();
})();
