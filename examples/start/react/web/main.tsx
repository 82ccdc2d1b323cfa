import { useState } from 'react';
import { createRoot } from 'react-dom/client';
import { useTask } from 'taskspan/react';

function Import() {
  const [url, setUrl] = useState<string>();

  async function start() {
    const response = await fetch('/imports', { method: 'POST' });
    setUrl(response.headers.get('Location')!);
  }

  return (
    <>
      <button onClick={() => void start()}>Import customers</button>
      {url && <Progress url={url} />}
    </>
  );
}

function Progress({ url }: { url: string }) {
  const { task, error } = useTask(url, { log: false });
  if (!task) return <p>{error?.detail}</p>;
  return (
    <>
      <progress value={task.progress ?? undefined} />
      <p>{task.current?.name ?? task.state}</p>
      <a href={url}>Details</a>
    </>
  );
}

createRoot(document.querySelector('#app')!).render(<Import />);
