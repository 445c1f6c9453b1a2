// The address is the state: views read it, change it by navigate(), and hear of every change, also by back and forward.

type Listener = (isReturn: boolean) => void; // by back or forward: what was there may be shown again

const listeners = new Set<Listener>();

function tell(isReturn: boolean): void {
  for (const listener of [...listeners]) listener(isReturn);
}

export function navigate(to: string, options: { replace?: boolean } = {}): void {
  if (to === location.pathname + location.search) return;
  if (options.replace) history.replaceState(null, '', to);
  else history.pushState(null, '', to);
  tell(false);
}

// Calls back at each change; returns what ends that.
export function onRouteChange(listener: Listener): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
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
  addEventListener('popstate', () => tell(true));
  document.addEventListener('click', followLink);
}
