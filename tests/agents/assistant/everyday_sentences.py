"""Speech from outside the assistant's domain, for the evaluation by voice: none is a command."""

from __future__ import annotations

OUT_OF_DOMAIN: tuple[str, ...] = tuple(
    """
the quick brown fox jumps over the lazy dog
i went to the store yesterday to buy some milk
the conference was moved to a different city
my sister works as a doctor in a large hospital
there are many trees along the river
we should leave before it starts to rain
he forgot his umbrella on the train
the new museum has a wonderful collection
please pass me the salt and pepper
she is learning to play the violin
who won the football match last night
how far is the moon from the earth
play some music by the beatles
turn on the lights in the kitchen
what is the weather like in paris
book a table for two at an italian restaurant
translate good luck into spanish
send an email to my boss
what is the capital of france
how do you cook rice
add eggs to my shopping list
when was the second world war
the children were playing in the garden
our flight has been delayed by three hours
this computer is much faster than the old one
i think we need a better plan
could somebody open the window
the price of coffee went up again
he runs every day before breakfast
let's go to the beach this weekend
read me the news
how tall is mount everest
where did you put my keys
the meeting starts at half past nine
it was a dark and stormy night
she sells sea shells by the sea shore
navigate to the nearest gas station
open the garage door
is there any cake left in the fridge
my favorite color is green
no way that is amazing
yes but i was not there at the time
stop being silly and come here
what a beautiful day
hello darling how was your day at school
set the table for dinner
the time machine is a famous book
volume two of the encyclopedia is missing
cancel my subscription to the magazine
tell my brother to call me back
set your bags down in the hallway
start the car before it gets cold
cancel the meeting with the lawyers on monday
remind him that the rent is due
wake the children when breakfast is ready
what time does the pharmacy close
what day does the school term begin
how many people live in this village
how much did you pay for that jacket
convert the attic into a bedroom
add some more pepper to the soup
divide the class into small groups
multiply your chances by working hard
what is wrong with the washing machine
tell me about your holiday in greece
tell me the truth about what happened
give me a hand with these boxes
pick a ripe melon at the market
roll the dough until it is thin
flip the pancake when it turns golden
repeat after me and write it down
say hello to your grandmother from us
help yourself to another piece of cake
stop at the bakery on your way home
forget about the homework for tonight
good luck with your driving test
good food takes time and patience
thank your uncle for the lovely present
see if the mail has come yet
nice shoes where did you get them
how are your parents getting along
who are the people standing over there
what are we going to eat tonight
the timer on the oven is broken
the temperature drops quickly in the desert
his memory of that summer was vivid
she put the disk back into its case
the processor arrived in a small brown box
an hour later we were still waiting
half of the students were absent
a hundred people came to the wedding
twenty minutes by bus and then a short walk
my grandfather was born in a small town
they painted the whole house in one weekend
the library is closed on public holidays
a cold wind was blowing from the north
we had soup and fresh bread for lunch
the dog barked at the mailman all morning
she left her glasses on the kitchen counter
our neighbors are moving to another state
""".strip().splitlines()
)
"""Everyday sentences that mean nothing to the assistant; some begin like its commands."""
