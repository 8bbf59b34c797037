// One bar a platform: the award for enterprises against its cap, what it would be without the cap
// behind it, and the award of every other clause on top. Figures and words come from the page itself.
"use strict";

(() => {
  const holder = document.getElementById("award-chart");
  const source = document.getElementById("award-chart-data");
  if (!holder || !source || typeof echarts === "undefined") return;

  const data = JSON.parse(source.textContent);
  const rowHeight = 40;
  const margins = 108;
  holder.style.height = `${data.platforms.length * rowHeight + margins}px`;
  const chart = echarts.init(holder, null, { renderer: "canvas", locale: data.locale });
  const reducedMotion = window.matchMedia("(prefers-reduced-motion: reduce)");
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  const number = new Intl.NumberFormat(data.locale === "ZH" ? "zh-CN" : "en");

  function colour(name) {
    return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  }

  function sum(figures) {
    return figures.reduce((total, each) => total + each, 0);
  }

  // Each clause beside that of the enterprises: its place in the figures, its word, its colour.
  const colours = ["--chart-title", "--chart-late", "--text-soft"];
  const others = data.words.others
    .map((word, place) => ({ word, place, colour: colours[place % colours.length] }))
    .filter(({ place }) => data.platforms.some((platform) => platform.others[place]));

  // A round number beyond every bar and the cap, so that the last line of the grid has a label.
  function longest() {
    const figures = data.platforms.flatMap((each) => [each.uncapped, each.award + sum(each.others)]);
    const most = Math.max(data.cap, ...figures) * 1.04;
    const step = 10 ** Math.floor(Math.log10(most)) / 2;
    return Math.ceil(most / step) * step;
  }

  function bar(name, figure, axis, width, colourName, more) {
    return {
      name, type: "bar", yAxisIndex: axis, barWidth: width,
      itemStyle: { color: colour(colourName) },
      emphasis: { disabled: true },
      data: data.platforms.map(figure),
      ...more,
    };
  }

  function option() {
    const text = colour("--text");
    const soft = colour("--text-soft");
    const line = colour("--line");
    const categories = {
      type: "category", inverse: true, data: data.platforms.map((platform) => platform.name),
    };
    return {
      animation: !reducedMotion.matches,
      animationDuration: 400,
      textStyle: { fontFamily: getComputedStyle(document.body).fontFamily },
      grid: { left: 8, right: 24, top: holder.clientWidth < 480 ? 76 : 60, bottom: 8, outerBoundsMode: "same", outerBoundsContain: "axisLabel" },
      legend: { top: 0, left: 0, itemWidth: 14, itemHeight: 10, textStyle: { color: text }, selectedMode: false },
      tooltip: {
        trigger: "axis",
        axisPointer: { type: "shadow", shadowStyle: { opacity: 0.4 } },
        // Rich text is drawn on the canvas; HTML would need inline styles, which the page forbids.
        renderMode: "richText",
        confine: true,
        backgroundColor: colour("--surface"),
        borderColor: colour("--line-strong"),
        textStyle: { color: text, fontSize: 13 },
        formatter(items) {
          const platform = data.platforms[items[0].dataIndex];
          return [
            platform.name,
            `${data.words.counted}  ${number.format(platform.counted)}`,
            `${data.words.uncapped}  ${number.format(platform.uncapped)}`,
            `${data.words.award}  ${number.format(platform.award)}`,
            ...others
              .filter(({ place }) => platform.others[place])
              .map(({ word, place }) => `${word}  ${number.format(platform.others[place])}`),
          ].join("\n");
        },
      },
      xAxis: {
        type: "value", max: longest(), splitNumber: 4,
        axisLabel: { color: soft, hideOverlap: true, formatter: (value) => number.format(value) },
        splitLine: { lineStyle: { color: line } },
      },
      yAxis: [
        {
          ...categories,
          axisLabel: { color: text, width: Math.min(180, holder.clientWidth * 0.32), overflow: "truncate", interval: 0 },
          axisTick: { show: false },
          axisLine: { lineStyle: { color: line } },
        },
        // A second, hidden axis: its wider bars lie behind those of the first.
        { ...categories, show: false },
      ],
      series: [
        // Only where the cap takes something away; elsewhere it would only frame the award.
        bar(data.words.uncapped, (each) => (each.uncapped > each.award ? each.uncapped : null), 1, 24, "--chart-uncapped", { z: 1 }),
        bar(data.words.award, (each) => each.award, 0, 14, "--chart-award", {
          z: 2, stack: "award",
          markLine: {
            silent: true, symbol: "none", animation: false,
            lineStyle: { color: colour("--chart-cap"), type: "dashed", width: 1.5 },
            label: {
              color: colour("--chart-cap"), position: "start", distance: 4,
              formatter: `${data.words.cap} ${number.format(data.cap)}`,
            },
            data: [{ xAxis: data.cap }],
          },
        }),
        ...others.map(({ word, place, colour: colourName }) => (
          bar(word, (each) => each.others[place], 0, 14, colourName, { z: 2, stack: "award" })
        )),
      ],
    };
  }

  const draw = () => chart.setOption(option(), { notMerge: true });
  draw();
  dark.addEventListener("change", draw);
  new ResizeObserver(() => { chart.resize(); draw(); }).observe(holder);
})();
