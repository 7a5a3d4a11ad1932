// Draws the charts of the entry page. Without JavaScript the tables beside them have the same numbers.
"use strict";
document.addEventListener("DOMContentLoaded", () => {
  const COLOURS = ["#2c7fb8", "#d9822b", "#4c9f70", "#a0519f", "#8a8a8a", "#c0504d"];
  const HEIGHT = 190, HALF_A_DAY = 43200, WHOLE = [1, 2, 5].flatMap((one) => [0, 1, 2, 3, 4, 5, 6].map((zeros) => one * 10 ** zeros)).sort((a, b) => a - b);
  const day = (text) => { const [year, month, date] = text.split("-").map(Number); return Date.UTC(year, month - 1, date) / 1000; };

  const draw = (element) => {
    const facts = JSON.parse(element.dataset.chart);
    const quiet = getComputedStyle(element).color;
    const lines = facts.series.map((one) => one.values);
    const shown = lines.map((values, at) => {
      if (!facts.stack) return values;
      return values.map((value, position) => lines.slice(0, at + 1).reduce((sum, line) => sum + (line[position] ?? 0), 0));
    });
    const series = facts.series.map((one, at) => ({
      label: one.label,
      stroke: one.limit ? quiet : COLOURS[at % COLOURS.length],
      fill: facts.stack ? COLOURS[at % COLOURS.length] : undefined,
      dash: one.limit ? [6, 4] : undefined,
      width: facts.stack ? 0 : 2,
      spanGaps: true,
      points: {show: !facts.stack && !one.limit, size: 5},
      paths: facts.stack ? uPlot.paths.bars({size: [0.7, 40], radius: 0.1}) : undefined,
      value: (_plot, _value, _series, position) => {
        const value = position == null ? null : lines[at][position];
        return value == null ? "–" : `${value.toLocaleString()}${facts.unit ? ` ${facts.unit}` : ""}`;
      },
    }));
    const axis = {stroke: quiet, grid: {stroke: quiet, width: 0.2}, ticks: {stroke: quiet, width: 0.3}};
    const order = facts.stack ? series.map((_one, at) => series.length - 1 - at) : series.map((_one, at) => at);
    const isRtl = document.documentElement.dir === "rtl"; // then the days run to the left
    element.replaceChildren();
    const plot = new uPlot({
      width: Math.max(200, element.clientWidth), height: HEIGHT, tzDate: (stamp) => uPlot.tzDate(new Date(stamp * 1e3), "Etc/UTC"),
      scales: {x: {dir: isRtl ? -1 : 1, range: (_plot, first, last) => [first - HALF_A_DAY, last + HALF_A_DAY]}, y: {range: (_plot, _low, high) => [0, (facts.unit === "%" ? 100 : high || 1) * 1.05]}},
      axes: [{...axis, space: 72, values: (_plot, stamps) => stamps.map((one) => new Date(one * 1e3).toLocaleDateString(document.documentElement.lang || undefined, {day: "numeric", month: "short", timeZone: "UTC"}))}, {...axis, side: isRtl ? 1 : 3, ...(facts.stack && {incrs: WHOLE}), size: (_plot, values) => 20 + 7.5 * Math.max(2, ...(values ?? []).map((one) => String(one ?? "").length))}],
      series: [{label: facts.day, value: (_plot, stamp) => (stamp == null ? "–" : new Date(stamp * 1e3).toLocaleDateString(document.documentElement.lang || undefined, {timeZone: "UTC"}))}, ...order.map((at) => series[at])],
      cursor: {drag: {x: false, y: false}},
    }, [facts.days.map(day), ...order.map((at) => shown[at])], element);
    return plot;
  };

  const plots = new Map();
  const drawAll = () => document.querySelectorAll(".home-plot").forEach((element) => {
    plots.get(element)?.destroy();
    plots.set(element, draw(element));
  });
  drawAll();
  new ResizeObserver(() => plots.forEach((plot, element) => {
    if (Math.abs(plot.width - element.clientWidth) > 2 && element.clientWidth > 0) plot.setSize({width: element.clientWidth, height: HEIGHT});
  })).observe(document.querySelector(".home-charts"));
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawAll);
});
