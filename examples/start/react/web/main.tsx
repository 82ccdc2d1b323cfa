import { useState } from 'react';
import { createRoot } from 'react-dom/client';
import { useTask } from 'taskspan/react';

function Import() {
  const [url, setUrl] = useState<string>();
  const { task, error } = useTask(url);

  async function start() {
    const response = await fetch('/imports', { method: 'POST' });
    setUrl(response.headers.get('Location')!);
  }

  return (
    <>
      <button onClick={() => void start()}>Import customers</button>
      {task ? (
        <>
          <progress value={task.progress ?? undefined} />
          <p>{task.current?.name ?? task.state}</p>
          <a href={url}>Details</a>
        </>
      ) : (
        <p>{error?.detail}</p>
      )}
    </>
  );
}

createRoot(document.querySelector('#app')!).render(<Import />);
