// Light or dark as Airflow shows itself, before anything is painted. Airflow marks its own root element; outside
// its frame the browser's preference counts.
(() => {
  const root = document.documentElement;
  const outer = () => {
    try {
      return window.parent !== window ? window.parent.document.documentElement : null;
    } catch {
      return null;
    }
  };
  const preference = window.matchMedia("(prefers-color-scheme: dark)");
  const isDark = () => {
    const list = outer()?.classList;
    if (list?.contains("dark")) return true;
    if (list?.contains("light")) return false;
    return preference.matches;
  };
  const apply = () => {
    const theme = isDark() ? "dark" : "light";
    if (root.dataset.theme === theme) return;
    root.dataset.theme = theme;
    window.dispatchEvent(new Event("themechange"));
  };
  apply();
  preference.addEventListener("change", apply);
  const watched = outer();
  if (watched) new MutationObserver(apply).observe(watched, { attributes: true, attributeFilter: ["class"] });
})();
