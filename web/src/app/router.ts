// The address is the state: views read it, change it by navigate(), and hear of every change, also by back and forward.

const changes = new EventTarget();

export function navigate(to: string, options: { replace?: boolean } = {}): void {
  if (to === location.pathname + location.search) return;
  if (options.replace) history.replaceState(null, '', to);
  else history.pushState(null, '', to);
  changes.dispatchEvent(new Event('change'));
}

export function onRouteChange(callback: () => void): () => void {
  changes.addEventListener('change', callback);
  return () => changes.removeEventListener('change', callback);
}

// Links inside the page do not load it anew; those that open elsewhere, download or leave it do.
function followLink(event: MouseEvent): void {
  if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey)
    return;
  const link = event.composedPath().find((part) => part instanceof HTMLAnchorElement);
  if (!link || link.target || link.hasAttribute('download') || link.origin !== location.origin) return;
  const isOurs = link.pathname === '/' || link.pathname === '/admin' || link.pathname.startsWith('/admin/');
  if (!isOurs || link.hash) return;
  event.preventDefault();
  navigate(link.pathname + link.search);
}

export function startRouter(): void {
  addEventListener('popstate', () => changes.dispatchEvent(new Event('change')));
  document.addEventListener('click', followLink);
}
