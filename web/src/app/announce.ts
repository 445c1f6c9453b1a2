// Says something to those who do not see the page. The shell keeps the region; the same words twice are said twice.
export function announce(words: string): void {
  const region = document.getElementById('announcements');
  if (!region) return;
  region.textContent = '';
  setTimeout(() => (region.textContent = words), 50);
}
