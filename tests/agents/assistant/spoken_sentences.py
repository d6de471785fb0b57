"""Sentences for the evaluation by voice: what must be understood and as what, and what must not be.

In `IN_DOMAIN` slots are written as text: numbers as Python fractions ("3/2"), words as they are.
"""

from __future__ import annotations

from tests.agents.assistant.everyday_sentences import OUT_OF_DOMAIN

__all__ = ["IN_DOMAIN", "OUT_OF_DOMAIN"]

_TIME = """
what time is it = GetTime
what time is it now = GetTime
what's the time = GetTime
what is the current time = GetTime
tell me the time = GetTime
tell me what time it is = GetTime
do you have the time = GetTime
can you tell me the time please = GetTime
what is the date today = GetDate day=today
what's the date = GetDate
what is today's date = GetDate day=today
what is the date tomorrow = GetDate day=tomorrow
what date is it = GetDate
tell me the date = GetDate
what day is it = GetDay
what day is it today = GetDay day=today
what day is tomorrow = GetDay day=tomorrow
what day was yesterday = GetDay day=yesterday
what day of the week is it = GetDay
what month is it = GetMonth
what month are we in = GetMonth
what year is it = GetYear
what year are we in = GetYear
"""

_TIMERS = """
set a timer for five minutes = TimerSet minutes=5
set a timer for ten minutes please = TimerSet minutes=10
set a timer for twenty five minutes = TimerSet minutes=25
set a timer for thirty seconds = TimerSet seconds=30
start a timer for forty five seconds = TimerSet seconds=45
set a timer for one hour = TimerSet hours=1
set a timer for an hour = TimerSet hours=1
set a timer for half an hour = TimerSet hours=1/2
set a timer for an hour and a half = TimerSet hours=3/2
set a timer for a minute and a half = TimerSet minutes=3/2
set a timer for one hour and thirty minutes = TimerSet hours=1 minutes=30
set a timer for two hours and ten minutes = TimerSet hours=2 minutes=10
set a timer for three minutes and twenty seconds = TimerSet minutes=3 seconds=20
set a timer for a quarter of an hour = TimerSet hours=1/4
set a timer for two and a half hours = TimerSet hours=5/2
set a timer for a hundred and twenty seconds = TimerSet seconds=120
can you set a timer for seven minutes = TimerSet minutes=7
hey set a timer for twelve minutes = TimerSet minutes=12
set a fifteen minute timer = TimerSet minutes=15
set a two hour timer = TimerSet hours=2
start a ninety second timer = TimerSet seconds=90
give me a three minute timer = TimerSet minutes=3
start a four minute countdown = TimerSet minutes=4
set a pasta timer for ten minutes = TimerSet timer_name=pasta minutes=10
set a pizza timer for twelve minutes = TimerSet timer_name=pizza minutes=12
start a laundry timer for forty minutes = TimerSet timer_name=laundry minutes=40
set an egg timer for six minutes = TimerSet timer_name=egg minutes=6
set a timer for twenty minutes for the chicken = TimerSet timer_name=chicken minutes=20
set a five minute tea timer = TimerSet timer_name=tea minutes=5
remind me in twenty minutes = TimerSet minutes=20
remind me in two hours = TimerSet hours=2
wake me up in eight hours = TimerSet hours=8
wake me up in thirty minutes = TimerSet minutes=30
set a timer = TimerAsk
cancel the timer = TimerCancel
stop the timer = TimerCancel
cancel my timer = TimerCancel
turn off the timer = TimerCancel
cancel the pasta timer = TimerCancel timer_name=pasta
stop the laundry timer = TimerCancel timer_name=laundry
cancel the five minute timer = TimerCancel minutes=5
cancel the ten minute one = TimerCancel minutes=10
cancel all timers = TimerCancel all=yes
delete all my timers = TimerCancel all=yes
how much time is left = TimerRemaining
how long is left = TimerRemaining
how much time is left on the timer = TimerRemaining
how much time is left on the pizza timer = TimerRemaining timer_name=pizza
how long is left on the ten minute timer = TimerRemaining minutes=10
how much time do i have left = TimerRemaining
when will the timer ring = TimerRemaining
what timers are running = TimerList
list my timers = TimerList
do i have any timers = TimerList
how many timers are set = TimerList
"""

_MATH = """
what is two plus two = Calculate a=2 operator=plus b=2
what is seven times eight = Calculate a=7 operator=times b=8
what's nine plus six = Calculate a=9 operator=plus b=6
what is twelve minus five = Calculate a=12 operator=minus b=5
what is one hundred divided by four = Calculate a=100 operator=over b=4
what is fifteen times thirteen = Calculate a=15 operator=times b=13
calculate forty two plus seventeen = Calculate a=42 operator=plus b=17
calculate three hundred and twenty minus eleven = Calculate a=320 operator=minus b=11
how much is sixty six divided by three = Calculate a=66 operator=over b=3
what is two hundred plus fifty = Calculate a=200 operator=plus b=50
what is eleven multiplied by twelve = Calculate a=11 operator=times b=12
what is nine over three = Calculate a=9 operator=over b=3
what is two point five plus one = Calculate a=5/2 operator=plus b=1
how much is nineteen plus ninety = Calculate a=19 operator=plus b=90
multiply twenty four by three = Calculate a=24 operator=times b=3
divide ninety six by eight = Calculate a=96 operator=over b=8
add thirty five and sixteen = Calculate a=35 operator=plus b=16
what is twelve squared = Calculate a=12 power=squared
what is three cubed = Calculate a=3 power=cubed
what is two to the power of ten = Calculate a=2 operator=power b=10
what is the square root of sixteen = SquareRoot a=16
what is the square root of eighty one = SquareRoot a=81
calculate the square root of two = SquareRoot a=2
what is twenty percent of fifty = Percentage a=20 b=50
what is fifteen percent of two hundred = Percentage a=15 b=200
how much is five percent of eighty = Percentage a=5 b=80
what is half of ten = FractionOf a=1/2 b=10
what is a quarter of one hundred = FractionOf a=1/4 b=100
"""

_UNITS = """
convert ten miles to kilometers = Convert amount=10 from=mile to=kilometer
convert five feet to meters = Convert amount=5 from=foot to=meter
convert twelve inches to centimeters = Convert amount=12 from=inch to=centimeter
convert two pounds to kilograms = Convert amount=2 from=pound to=kilogram
convert three cups to milliliters = Convert amount=3 from=cup to=milliliter
convert six ounces to grams = Convert amount=6 from=ounce to=gram
what is sixty miles per hour in meters per second = Convert amount=60 from=mile per hour to=meter per second
convert seventy degrees fahrenheit to celsius = Convert amount=70 from=fahrenheit to=celsius
convert minus ten celsius to fahrenheit = Convert amount=-10 from=celsius to=fahrenheit
what is thirty celsius in fahrenheit = Convert amount=30 from=celsius to=fahrenheit
what is one hundred degrees celsius in fahrenheit = Convert amount=100 from=celsius to=fahrenheit
what is twenty kilometers in miles = Convert amount=20 from=kilometer to=mile
what is six feet in centimeters = Convert amount=6 from=foot to=centimeter
what is eighty kilograms in pounds = Convert amount=80 from=kilogram to=pound
what is two gallons in liters = Convert amount=2 from=gallon to=liter
how many feet are in a mile = Convert amount=1 from=mile to=foot
how many inches are in a yard = Convert amount=1 from=yard to=inch
how many centimeters are in an inch = Convert amount=1 from=inch to=centimeter
how many ounces are in a pound = Convert amount=1 from=pound to=ounce
how many grams are in a kilogram = Convert amount=1 from=kilogram to=gram
how many teaspoons are in a tablespoon = Convert amount=1 from=tablespoon to=teaspoon
how many liters are in a gallon = Convert amount=1 from=gallon to=liter
how many seconds are in an hour = Convert amount=1 from=hour to=second
how many hours are there in three days = Convert amount=3 from=day to=hour
how many weeks are in a year = Convert amount=1 from=year to=week
"""  # noqa: E501  (one case a line)

_DEVICE = """
what is the device temperature = DeviceTemperature
what is the c p u temperature = DeviceTemperature
what's the temperature of the processor = DeviceTemperature
how hot is the processor = DeviceTemperature
how hot are you = DeviceTemperature
is the board too hot = DeviceTemperature
what is your temperature = DeviceTemperature
what is the system load = DeviceLoad
how busy are you = DeviceLoad
what is the processor load = DeviceLoad
how much memory is free = DeviceMemory
how much memory is used = DeviceMemory
what is the memory usage = DeviceMemory
how much memory do you have left = DeviceMemory
how much disk space is left = DeviceDisk
how much storage is free = DeviceDisk
is the disk full = DeviceDisk
how long have you been running = DeviceUptime
what is your uptime = DeviceUptime
how is the device doing = DeviceStatus
"""

_CONVERSATION = """
say that again = Repeat
can you repeat that = Repeat
repeat that please = Repeat
what did you say = Repeat
what did i say = WhatDidISay
what did i just say = WhatDidISay
what was my question = WhatDidISay
stop = Stop
cancel = Stop
never mind = Stop
stop talking = Stop
be quiet = Stop
forget it = Stop
help me = Help
what can you do = Help
what can i say = Help
what do you understand = Help
"""

_SMALL_TALK = """
hello = Greet
hello there = Greet
hello computer = Greet
good morning = Greet
good evening = Greet
goodbye = Goodbye
good night = Goodbye
see you later = Goodbye
thank you = Thanks
thank you very much = Thanks
thanks a lot = Thanks
how are you = HowAreYou
how are you doing today = HowAreYou
who are you = WhoAreYou
what is your name = WhoAreYou
are you a robot = WhoAreYou
tell me about yourself = WhoAreYou
who made you = WhoMadeYou
how old are you = Age
can you hear me = CanYouHearMe
are you listening = CanYouHearMe
nice to meet you = Nice
well done = Nice
tell me a joke = Joke
tell me another joke = Joke
make me laugh = Joke
flip a coin = Coin
heads or tails = Coin
roll the dice = Die
roll a die = Die
pick a number = RandomNumber
pick a number between one and ten = RandomNumber low=1 high=10
give me a random number = RandomNumber
what is the meaning of life = Meaning
"""

_LISTENING = """
wait = Stop
hold on = Stop
shut up = Stop
enough = Stop
uh huh = BackChannel
mm hmm = BackChannel
yeah = BackChannel
okay = BackChannel
i see = BackChannel
got it = BackChannel
"""


def _parse(table: str) -> list[tuple[str, str, dict[str, str]]]:
    cases = []
    for line in table.strip().splitlines():
        sentence, _, rest = line.partition(" = ")
        intent, *slots = rest.split(" ")
        pairs: list[list[str]] = []
        for word in slots:
            if "=" in word:
                pairs.append(word.split("="))
            else:
                pairs[-1][1] += f" {word}"
        cases.append((sentence, intent, dict(pairs)))
    return cases


IN_DOMAIN: tuple[tuple[str, str, dict[str, str]], ...] = tuple(
    case
    for table in (_TIME, _TIMERS, _MATH, _UNITS, _DEVICE, _CONVERSATION, _SMALL_TALK, _LISTENING)
    for case in _parse(table)
)
"""(sentence in the recogniser's words, intent, slots)."""
