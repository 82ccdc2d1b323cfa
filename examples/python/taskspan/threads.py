import threading


def start_thread(name, run, sender):
    thread = threading.Thread(target=run, name=name, daemon=True)
    try:
        thread.start()
        return thread
    except RuntimeError as error:  # no more threads, or Python is about to exit
        sender.warn('thread', f'nothing is sent: {error}')
        return None
