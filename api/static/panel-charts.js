// Charts of the auditors' panels. Each holder carries its figures, names and words as JSON; what
// they mean was decided by the server. Instants come shifted to the city's clock, so that an axis
// in UTC shows it wherever the reader is.
"use strict";

(() => {
  if (typeof echarts === "undefined") return;

  const reducedMotion = window.matchMedia("(prefers-reduced-motion: reduce)");
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  const palette = ["blue", "orange", "purple", "green", "red", "yellow", "text"];
  const narrow = 480;
  const charts = new Map();

  function colour(name) {
    return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  }

  function shade(name, place) {
    if (name === "transparent") return "transparent";
    return colour(`--panel-${name ?? palette[place % palette.length]}`);
  }

  function words(data, locale) {
    const number = new Intl.NumberFormat(locale === "ZH" ? "zh-CN" : "en", { maximumFractionDigits: 2 });
    return (value) => {
      if (value === null || value === undefined || Number.isNaN(value)) return "–";
      if (data.isShare) return `${number.format(value * 100)}%`;
      return number.format(value) + (data.unit ? ` ${data.unit}` : "");
    };
  }

  function common() {
    return {
      useUTC: true,
      animation: !reducedMotion.matches,
      animationDuration: 400,
      textStyle: { fontFamily: getComputedStyle(document.body).fontFamily },
      grid: { left: 8, right: 16, top: 40, bottom: 8, outerBoundsMode: "same", outerBoundsContain: "axisLabel" },
      legend: {
        type: "scroll", top: 0, left: 0, itemWidth: 14, itemHeight: 10,
        textStyle: { color: colour("--text") },
        pageTextStyle: { color: colour("--text-soft") },
        pageIconColor: colour("--blue"), pageIconInactiveColor: colour("--line-strong"),
      },
      tooltip: {
        // Rich text is drawn on the canvas; HTML would need inline styles, which the page forbids.
        renderMode: "richText",
        confine: true,
        backgroundColor: colour("--surface"),
        borderColor: colour("--line-strong"),
        textStyle: { color: colour("--text"), fontSize: 13 },
      },
    };
  }

  function categories(names, more) {
    return {
      type: "category", data: names,
      axisLabel: { color: colour("--text-soft"), hideOverlap: true },
      axisTick: { show: false },
      axisLine: { lineStyle: { color: colour("--line-strong") } },
      ...more,
    };
  }

  function moments(data) {
    return {
      type: "time", min: data.begins, max: data.ends,
      axisLabel: {
        color: colour("--text-soft"), hideOverlap: true,
        formatter: { year: "{yyyy}", month: "{yyyy}-{MM}", day: "{MM}-{dd}", hour: "{HH}:{mm}", minute: "{HH}:{mm}" },
      },
      axisLine: { lineStyle: { color: colour("--line-strong") } },
    };
  }

  function values(data, say, more) {
    return {
      type: "value", splitNumber: 4, min: data.min ?? undefined, max: data.max ?? undefined,
      axisLabel: { color: colour("--text-soft"), hideOverlap: true, formatter: say },
      splitLine: { lineStyle: { color: colour("--line") } },
      ...more,
    };
  }

  function thresholds(data, axis) {
    return {
      silent: true, symbol: "none", animation: false,
      data: (data.thresholds ?? []).map((each) => ({
        [axis]: each.value,
        lineStyle: { color: shade(each.colour), type: "dashed", width: 1.5 },
        label: { show: false },
      })),
    };
  }

  function timeSeries(data, say) {
    const isBars = data.style === "bars";
    const base = common();
    return {
      ...base,
      tooltip: { ...base.tooltip, trigger: "axis", valueFormatter: say },
      xAxis: isBars ? categories(data.names) : moments(data),
      yAxis: values(data, say),
      series: data.series.map((each, place) => ({
        name: each.name,
        type: isBars && !each.isLine ? "bar" : "line",
        stack: data.stacking === "none" ? undefined : "all",
        step: !isBars && data.isStepped ? "end" : undefined,
        showSymbol: !each.isLine && data.moments.length < 40,
        symbol: "circle",
        symbolSize: 5,
        connectNulls: false,
        lineStyle: { width: 2 },
        itemStyle: { color: shade(each.colour, place) },
        emphasis: { disabled: true },
        data: isBars ? each.values : each.values.map((value, at) => [data.moments[at], value]),
        markLine: place ? undefined : thresholds(data, "yAxis"),
      })),
    };
  }

  function barChart(data, say, width) {
    const base = common();
    const names = categories(data.names, data.isHorizontal ? {
      inverse: true,
      axisLabel: { color: colour("--text"), width: Math.min(200, width * 0.34), overflow: "truncate", interval: 0 },
    } : {});
    const numbers = values(data, say);
    return {
      ...base,
      tooltip: { ...base.tooltip, trigger: "axis", axisPointer: { type: "shadow", shadowStyle: { opacity: 0.4 } }, valueFormatter: say },
      xAxis: data.isHorizontal ? numbers : names,
      yAxis: data.isHorizontal ? names : numbers,
      series: data.series.map((each, place) => ({
        name: each.name, type: "bar", barMaxWidth: 28,
        stack: data.stacking === "none" ? undefined : "all",
        itemStyle: { color: shade(each.colour, place) },
        emphasis: { disabled: true },
        data: each.values,
        markLine: place ? undefined : thresholds(data, data.isHorizontal ? "xAxis" : "yAxis"),
      })),
    };
  }

  function barGauge(data, say, width) {
    const base = common();
    return {
      ...base,
      legend: { show: false },
      grid: { ...base.grid, top: 8, right: 72 },
      tooltip: { ...base.tooltip, trigger: "item", formatter: (item) => `${data.names[item.dataIndex]}  ${data.texts[item.dataIndex]}` },
      xAxis: values(data, say),
      yAxis: categories(data.names, {
        inverse: true,
        axisLabel: { color: colour("--text"), width: Math.min(200, width * 0.34), overflow: "truncate", interval: 0 },
      }),
      series: [{
        type: "bar", barMaxWidth: 20, showBackground: true,
        backgroundStyle: { color: colour("--line") },
        emphasis: { disabled: true },
        label: { show: true, position: "right", color: colour("--text"), formatter: (item) => data.texts[item.dataIndex] },
        data: data.values.map((value, at) => ({ value, itemStyle: { color: shade(data.colours[at], 0) } })),
      }],
    };
  }

  function stateTimeline(data, say, width) {
    const base = common();
    const clock = new Intl.DateTimeFormat("sv-SE", { dateStyle: "short", timeStyle: "short", timeZone: "UTC" });
    function band(params, api) {
      const begins = api.coord([api.value(1), api.value(0)]);
      const ends = api.coord([api.value(2), api.value(0)]);
      const height = api.size([0, 1])[1] * 0.7;
      const shape = echarts.graphic.clipRectByRect(
        { x: begins[0], y: begins[1] - height / 2, width: Math.max(1, ends[0] - begins[0]), height },
        params.coordSys,
      );
      return shape && { type: "rect", shape, style: { fill: api.visual("color") } };
    }
    return {
      ...base,
      tooltip: {
        ...base.tooltip, trigger: "item",
        formatter: (item) => [
          `${data.names[item.value[0]]}  ${item.seriesName}`,
          `${clock.format(item.value[1])} – ${clock.format(item.value[2])}`,
        ].join("\n"),
      },
      xAxis: moments(data),
      yAxis: categories(data.names, {
        inverse: true,
        axisLabel: { color: colour("--text"), width: Math.min(160, width * 0.3), overflow: "truncate", interval: 0 },
      }),
      // One series for each state, so that the legend names it.
      series: data.states.map((state, at) => ({
        name: state.text, type: "custom", renderItem: band, clip: true,
        encode: { x: [1, 2], y: 0 },
        itemStyle: { color: shade(state.colour, at) },
        data: data.bands.filter((each) => each[3] === at),
      })),
    };
  }

  function heatMap(data, say) {
    const base = common();
    const small = { color: colour("--text-soft"), hideOverlap: true };
    return {
      ...base,
      legend: { show: false },
      grid: { ...base.grid, top: 8, bottom: 48 },
      tooltip: {
        ...base.tooltip, trigger: "item",
        formatter: (item) => `${data.columns[item.value[0]]}  ${data.rows[item.value[1]]}  ${say(item.value[2])}`,
      },
      xAxis: categories(data.columns, { axisLabel: small, splitArea: { show: false } }),
      yAxis: categories(data.rows, { axisLabel: small, inverse: data.isReversed }),
      visualMap: {
        min: 0, max: data.max, calculable: false, orient: "horizontal", left: 0, bottom: 0, itemHeight: 90, itemWidth: 12,
        text: [say(data.max), say(0)], textStyle: { color: colour("--text-soft") },
        inRange: { color: [colour("--panel-none"), colour("--panel-green")] },
      },
      series: [{ type: "heatmap", emphasis: { disabled: true }, progressive: 0, data: data.cells }],
    };
  }

  const options = {
    "timeseries": timeSeries, "barchart": barChart, "bargauge": barGauge,
    "state-timeline": stateTimeline, "heatmap": heatMap,
  };

  function heightOf(data) {
    if (data.kind === "bargauge" || data.isHorizontal) return 64 + 34 * data.names.length * (data.isHorizontal && data.stacking === "none" ? Math.max(1, data.series.length * 0.6) : 1);
    if (data.kind === "state-timeline") return 84 + 30 * data.names.length;
    if (data.kind === "heatmap") return Math.min(560, 96 + 16 * data.rows.length);
    return 280;
  }

  function draw(holder, chart, data) {
    const say = words(data, holder.dataset.locale);
    chart.setOption(options[data.kind](data, say, holder.clientWidth), { notMerge: true });
    holder.dataset.drawn = holder.clientWidth < narrow ? "narrow" : "wide";
  }

  const resized = new ResizeObserver((entries) => {
    for (const { target } of entries) {
      const known = charts.get(target);
      if (!known) continue;
      known.chart.resize();
      draw(target, known.chart, known.data);
    }
  });

  function start(root) {
    for (const [holder, { chart }] of charts) {
      if (holder.isConnected) continue;
      resized.unobserve(holder);
      chart.dispose();
      charts.delete(holder);
    }
    for (const holder of root.querySelectorAll("[data-chart]")) {
      if (charts.has(holder)) continue;
      const data = JSON.parse(holder.dataset.chart);
      holder.style.height = `${heightOf(data)}px`;
      const chart = echarts.init(holder, null, { renderer: "canvas", locale: holder.dataset.locale });
      charts.set(holder, { chart, data });
      resized.observe(holder);
    }
  }

  start(document);
  document.addEventListener("htmx:afterSwap", (event) => start(event.detail.target));
  dark.addEventListener("change", () => {
    for (const [holder, { chart, data }] of charts) draw(holder, chart, data);
  });

  // A panel that fails says so in its own place; the others stay.
  function tell(event) {
    const body = event.detail.target;
    if (body.dataset.unreachable) body.textContent = body.dataset.unreachable;
  }
  document.addEventListener("htmx:responseError", tell);
  document.addEventListener("htmx:sendError", tell);
})();
