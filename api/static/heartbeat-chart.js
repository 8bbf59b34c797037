// Heartbeats by hour of the last day: those in time, and those too late to count on top. Figures
// and words come from the page itself.
"use strict";

(() => {
  const holder = document.getElementById("heartbeat-chart");
  const source = document.getElementById("heartbeat-chart-data");
  if (!holder || !source || typeof echarts === "undefined") return;

  const data = JSON.parse(source.textContent);
  holder.style.height = "260px";
  const chart = echarts.init(holder, null, { renderer: "canvas", locale: data.locale });
  const reducedMotion = window.matchMedia("(prefers-reduced-motion: reduce)");
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  const number = new Intl.NumberFormat(data.locale === "ZH" ? "zh-CN" : "en");

  function colour(name) {
    return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  }

  function bars(name, figures, colourName) {
    return {
      name, type: "bar", stack: "heartbeats", barCategoryGap: "30%",
      itemStyle: { color: colour(colourName) }, emphasis: { disabled: true },
      data: figures,
    };
  }

  function option() {
    const soft = colour("--text-soft");
    return {
      animation: !reducedMotion.matches,
      animationDuration: 400,
      textStyle: { fontFamily: getComputedStyle(document.body).fontFamily },
      grid: { left: 8, right: 8, top: 36, bottom: 4, outerBoundsMode: "same", outerBoundsContain: "axisLabel" },
      legend: { top: 0, left: 0, itemWidth: 14, itemHeight: 10, textStyle: { color: colour("--text") }, selectedMode: false },
      tooltip: {
        trigger: "axis",
        axisPointer: { type: "shadow", shadowStyle: { opacity: 0.4 } },
        // Rich text is drawn on the canvas; HTML would need inline styles, which the page forbids.
        renderMode: "richText",
        confine: true,
        backgroundColor: colour("--surface"),
        borderColor: colour("--line-strong"),
        textStyle: { color: colour("--text"), fontSize: 13 },
        valueFormatter: (value) => number.format(value),
      },
      xAxis: {
        type: "category", data: data.hours,
        axisLabel: { color: soft, hideOverlap: true }, axisTick: { show: false },
        axisLine: { lineStyle: { color: colour("--line-strong") } },
      },
      yAxis: {
        type: "value", minInterval: 1, splitNumber: 4,
        axisLabel: { color: soft, formatter: (value) => number.format(value) },
        splitLine: { lineStyle: { color: colour("--line") } },
      },
      series: [
        bars(data.words.onTime, data.onTime, "--chart-award"),
        bars(data.words.late, data.late, "--chart-late"),
      ],
    };
  }

  const draw = () => chart.setOption(option(), { notMerge: true });
  draw();
  dark.addEventListener("change", draw);
  new ResizeObserver(() => { chart.resize(); draw(); }).observe(holder);
})();
