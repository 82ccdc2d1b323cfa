"""Unit tests of the Python package: what an updater prints and sends, without a server. Run by python-package.test.ts."""

import asyncio
import contextlib
import datetime
import io
import json
import os
import pathlib
import threading
import unittest
import uuid

from taskspan import TaskCancelled, TaskUpdater, current_updater, failure, job_uuid, log_line, track
from taskspan.celery_messages import queued_final_ms


class Kept:
    """A sender that keeps what it is given."""

    worker_id = 'worker'
    interval_ms = 5000

    def __init__(self):
        self.records = []
        self.warnings = []
        self.cancellations = self
        self.is_possible = True

    def send(self, record, essential):
        values = {pair['key']: pair['value'] for pair in record['attributes']}
        self.records.append({**record, 'attributes': {key: next(iter(value.values())) for key, value in values.items()}})

    def has_progress(self, span):
        pass

    def task_began(self):
        pass

    task_ended = task_began

    def watch(self, attempt):
        pass

    leave = watch

    def heard(self, number):
        self.warnings.append(number)

    def warn(self, cause, message):
        self.warnings.append(message)

    def of(self, event):
        return [record['attributes'] for record in self.records if record['eventName'] == event]

    def end(self):
        return self.of('taskspan.end')[-1]


def printed(run, **options):
    """Returns what `verbose` prints of a task, and its sender."""
    sender, output = Kept(), io.StringIO()
    with contextlib.redirect_stdout(output):
        run(TaskUpdater(task_name='TEST', verbose=1, sender=sender, **options))
    return output.getvalue(), sender


class Log(unittest.TestCase):
    def test_a_message_can_not_imitate_another_line(self):
        def run(updater):
            updater.notify('   first line\nsecond line')
            updater.notify('Task Finished - 9 out of 9 jobs finished')
            updater.notify('a bell: \u0007')
            updater.insert_final_update()

        lines = printed(run)[0].split('\n')
        self.assertEqual(lines[:4], ['\tfirst line', '\t  | second line', '\t  | Task Finished - 9 out of 9 jobs finished', '\ta bell: \u2407'])

    def test_parallel_scopes_are_named_again(self):
        def run(updater):
            with updater('London') as london:
                london.notify('Asked')
                with updater('New York'):
                    thread = threading.Thread(target=london.notify, args=['Answered'])
                    thread.start()
                    thread.join()
            updater.insert_final_update()

        self.assertIn('\t - New York\n\t - London (continued)\n\tAnswered\n\t - New York (continued)\n\t\tSuccessfully completed\n', printed(run)[0])

    def test_an_attempt_has_its_number(self):
        self.assertTrue(printed(lambda updater: updater.insert_final_update(), attempt=2)[0].startswith('\tAttempt 2\n'))


class Ends(unittest.TestCase):
    def setUp(self):
        self.sender = Kept()

    def updater(self, **options):
        return TaskUpdater(sender=self.sender, **options)

    def test_a_task_ends_by_the_error_that_leaves_it(self):
        with self.assertRaises(KeyError), self.updater():
            raise KeyError('row')
        end = self.sender.end()
        self.assertEqual([end['taskspan.outcome'], end['taskspan.error'], end['taskspan.exception']], ['failed', 'KeyError', "'row'"])

    def test_a_task_raises_at_its_end_what_a_scope_has_kept(self):
        with self.assertRaises(ValueError), self.updater() as updater:
            with updater('Read'):
                raise ValueError('no rows')
            with updater('Write'):
                pass
        end = self.sender.end()
        self.assertEqual([end['taskspan.outcome'], end['taskspan.jobs.total'], end['taskspan.jobs.failed']], ['failed', '2', '1'])
        self.assertNotIn('taskspan.error', end)

    def test_causes_are_reported(self):
        updater = self.updater()
        with updater('Read'):
            try:
                raise OSError('no disk')
            except OSError as error:
                raise RuntimeError('not read') from error
        updater.insert_final_update()
        scope = self.sender.of('taskspan.end')[0]
        self.assertEqual(scope['taskspan.error.causes'], '[{"name": "OSError", "message": "no disk"}]')

    def test_a_timeout_has_timed_out(self):
        with self.assertRaises(TimeoutError), self.updater():
            raise TimeoutError
        self.assertEqual(self.sender.end()['taskspan.outcome'], 'timed_out')

    def test_what_has_to_stop_the_task_passes_through_its_scopes(self):
        class Timeout(BaseException):
            """As gevent has it."""

        for error, outcome in [(KeyboardInterrupt(), 'cancelled'), (SystemExit(1), 'cancelled'), (Timeout('2 seconds'), 'timed_out')]:
            with self.assertRaises(type(error)), self.updater() as updater, updater('Wait'):
                raise error
            self.assertEqual([end['taskspan.outcome'] for end in self.sender.of('taskspan.end')][-2:], [outcome, outcome])

    def test_a_cancelled_task_stops_at_its_next_scope(self):
        updater = self.updater()
        updater._attempt.cancel(7, 'ada', 'wrong file')
        self.assertEqual(self.sender.warnings, [])
        updater.notify('still possible')
        with self.assertRaises(TaskCancelled) as caught, updater, updater('Read'):
            self.fail('it has begun')
        self.assertEqual([caught.exception.by, caught.exception.reason, self.sender.warnings], ['ada', 'wrong file', [7]])
        self.assertEqual(self.sender.end()['taskspan.outcome'], 'cancelled')
        self.assertEqual(self.sender.of('taskspan.notification')[0]['taskspan.message'], 'Cancel requested by ada: wrong file')

    def test_each_stops_too_and_the_scope_is_cancelled(self):
        updater = self.updater()
        with self.assertRaises(TaskCancelled), updater('Read'):
            for number in updater.each(range(3)):
                updater._attempt.cancel(7, None, None)
        updater.insert_final_update()
        self.assertEqual([end['taskspan.outcome'] for end in self.sender.of('taskspan.end')], ['cancelled', 'cancelled'])
        self.assertEqual(number, 0)

    def test_what_comes_after_the_end_is_dropped_and_reported(self):
        updater = self.updater()
        updater.insert_final_update()
        updater.insert_final_update()
        updater.notify('late')
        with updater('Late'):
            pass
        self.assertEqual([record['eventName'] for record in self.sender.records], ['taskspan.start', 'taskspan.end'])
        self.assertEqual(len(self.sender.warnings), 1)


    @unittest.skipUnless(hasattr(os, 'fork'), 'needs fork')
    def test_a_forked_process_does_not_report_as_its_parent(self):
        updater = self.updater()
        child = os.fork()
        if child == 0:
            updater.notify('from the child')
            updater.insert_final_update()
            os._exit(0 if len(self.sender.records) == 1 and len(self.sender.warnings) > 0 else 1)
        self.assertEqual(os.waitpid(child, 0)[1], 0)
        updater.notify('from the parent')
        self.assertEqual([record['attributes']['taskspan.seq'] for record in self.sender.records], ['0', '1'])


class Forms(unittest.TestCase):
    def test_functions_are_scopes_and_tasks(self):
        sender = Kept()
        updater = TaskUpdater(sender=sender)

        @updater('Convert')
        def convert(value):
            current_updater().notify(value)
            return value + 1

        @updater
        def run():
            return convert(1) + convert(2)

        self.assertEqual(run(), 5)
        starts = sender.of('taskspan.start')
        self.assertEqual([start.get('taskspan.name') for start in starts], [None, 'Convert', 'Convert'])
        self.assertEqual(sender.end()['taskspan.outcome'], 'completed')

    def test_each_call_of_a_tracked_function_is_a_task(self):
        sender = Kept()

        @track(sender=sender, attributes={'queue': 'mails'})
        def send_mail(to):
            return current_updater().task_name, to

        self.assertEqual([send_mail('ada'), send_mail(to='grace')], [('send_mail', 'ada'), ('send_mail', 'grace')])
        uuids = {start['taskspan.task.uuid'] for start in sender.of('taskspan.start')}
        self.assertEqual(len(uuids), 2)
        self.assertIsNone(current_updater())

    def test_coroutines_keep_their_scopes_apart(self):
        sender = Kept()
        updater = TaskUpdater(sender=sender)

        async def ask(name):
            async with updater(name):
                await asyncio.sleep(0)
                updater.notify(name)

        async def both():
            await asyncio.gather(ask('London'), ask('New York'))

        asyncio.run(both())
        names = {record['spanId']: record['attributes'].get('taskspan.name') for record in sender.records if record['eventName'] == 'taskspan.start'}
        found = [(names[record['spanId']], record['attributes']['taskspan.message']) for record in sender.records if record['eventName'] == 'taskspan.notification']
        self.assertEqual(found, [('London', 'London'), ('New York', 'New York')])


class Celery(unittest.TestCase):
    def test_a_queued_task_expires_by_the_times_of_its_message(self):
        now = datetime.datetime(2026, 11, 30, 10, 0, tzinfo=datetime.timezone.utc)
        week = 7 * 86_400_000
        self.assertIsNone(queued_final_ms(None, None, now))
        self.assertIsNone(queued_final_ms('2026-11-30T10:05:00+00:00', None, now))
        self.assertEqual(queued_final_ms('2026-12-10T10:00:00+00:00', None, now), 10 * 86_400_000 + week)
        self.assertEqual(queued_final_ms('2026-12-10T10:00:00+00:00', '2026-11-30T10:00:01', now), 61_000)
        self.assertEqual(queued_final_ms(None, now, now), 60_001)
        self.assertIsNone(queued_final_ms(7, 'soon', now))


class Values(unittest.TestCase):
    def test_attributes_and_results_of_any_kind(self):
        sender = Kept()
        updater = TaskUpdater(sender=sender, attributes={'taskspan.mine': 1, 'gone': None, 'day': datetime.date(2026, 11, 30)})
        updater.set_attribute('rows', [1, 2])
        updater.set_attribute('mixed', {'a': (1, 'two', uuid.UUID(int=0))})
        updater.set_attribute('huge', 2**70)
        updater.set_result({'at': datetime.datetime(2026, 11, 30), 'nan': float('nan'), 'bytes': b'ab'})
        circle = []
        circle.append(circle)
        updater.set_result(circle)
        updater.insert_final_update()
        self.assertNotIn('taskspan.mine', sender.end())
        end = sender.end()
        mixed = '{"a": [1, "two", "00000000-0000-0000-0000-000000000000"]}'
        self.assertEqual([end['day'], end['mixed'], end['huge']], ['2026-11-30', mixed, str(2**70)])
        first, second = (result['taskspan.result'] for result in sender.of('taskspan.result'))
        self.assertEqual(first, '{"at": "2026-11-30T00:00:00", "nan": "nan", "bytes": "YWI="}')
        self.assertTrue(second.startswith('"['))

    def test_invalid_progress_and_plans_are_dropped_and_reported_once(self):
        sender = Kept()
        updater = TaskUpdater(sender=sender)
        for done in (float('nan'), -1, 'many'):
            updater.progress(done)
        for plan in (0, {}, {'a': -1}, []):
            updater.plan(plan)
        for plan in ('Read', True, None):
            with self.assertRaisesRegex(TypeError, 'expected a number, names, or weights by name'):
                updater.plan(plan)
        updater.plan(['Read', 'Write'])
        updater.progress(1, float('inf'))
        updater.insert_final_update()
        self.assertEqual(sender.of('taskspan.plan')[0]['taskspan.plan'], '{"Read": 1, "Write": 1}')
        self.assertEqual(len(sender.of('taskspan.plan')), 1)
        self.assertNotIn('taskspan.total', sender.of('taskspan.progress')[0])

    def test_numbers_of_facts_follow_each_other(self):
        sender = Kept()
        updater = TaskUpdater(sender=sender)
        for done in range(1000):
            updater.progress(done, 1000)
        updater.notify('half')
        updater.insert_final_update()
        self.assertEqual([record['attributes']['taskspan.seq'] for record in sender.records], ['0', '1', '2', '3'])
        self.assertEqual(sender.of('taskspan.progress')[0]['taskspan.done'], 999.0)

    def test_blank_names_and_uuids(self):
        self.assertEqual(TaskUpdater(task_name='  ', sender=Kept()).task_name, '(unnamed)')
        self.assertEqual(job_uuid('celery', 'order 17'), '66d0e229-26e7-5400-baf8-24551130b55d')
        with self.assertRaises(ValueError):
            TaskUpdater('order 17', sender=Kept())


class GoldenLogTest(unittest.TestCase):
    """The lines of the log are those of the collector: test/src/golden-log.test.ts holds it to the same files."""

    def test_each_golden_file(self):
        folder = pathlib.Path(__file__).parent.parent.parent / 'golden' / 'log'
        for file in sorted(folder.iterdir()):
            golden = json.loads(file.read_text(encoding='utf8'))
            with self.subTest(file.name):
                self.assertEqual(''.join(written(*line) for line in golden['lines']).split('\n'), [*golden['log'], ''])


def written(kind, *values):
    if kind == 'outcome':
        outcome, micros, error = values
        described = None if error is None else failure.Described(error['name'], error['message'], error['causes'])
        return log_line.outcome_lines(outcome, micros, described)
    return getattr(log_line, {'message': 'message_lines'}.get(kind, f'{kind}_line'))(*values)


if __name__ == '__main__':
    unittest.main()
