// Draw each figure from the JSON beside it, in the page's ink, and again when the page changes between light and dark.
const draw = () => {
  const ink = getComputedStyle(document.documentElement).getPropertyValue("--ink").trim();
  for (const place of document.querySelectorAll(".plot")) {
    const figure = JSON.parse(place.querySelector("script").textContent);
    const layout = { ...figure.layout, font: { ...(figure.layout.font || {}), color: ink } };
    const target = place.querySelector("div") || place.appendChild(document.createElement("div"));
    Plotly.react(target, figure.data, layout, { responsive: true, displaylogo: false, displayModeBar: false });
  }
};
draw();
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
