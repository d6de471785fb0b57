"""Machines, as their sysfs shows them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

Plant = Callable[[Mapping[str, str]], Path]
"""Writes the files of a machine; returns where its sysfs is."""

FIRMWARE_PI4 = "devices/platform/soc/soc:firmware/get_throttled"
FIRMWARE_PI5 = "devices/platform/soc@107c000000/soc@107c000000:firmware/get_throttled"

PI4 = {
    "class/thermal/thermal_zone0/type": "cpu-thermal",
    "class/thermal/thermal_zone0/temp": "48312",
    "class/hwmon/hwmon0/name": "cpu_thermal",
    "class/hwmon/hwmon0/temp1_input": "48312",
    "class/hwmon/hwmon1/name": "rpi_volt",
    "class/hwmon/hwmon1/in0_lcrit_alarm": "0",
    FIRMWARE_PI4: "50005",
}
PI5 = {
    "class/thermal/thermal_zone0/type": "cpu-thermal",
    "class/thermal/thermal_zone0/temp": "61250",
    "class/hwmon/hwmon0/name": "cpu_thermal",
    "class/hwmon/hwmon0/temp1_input": "61250",
    "class/hwmon/hwmon1/name": "rp1_adc",
    "class/hwmon/hwmon1/temp1_input": "52100",
    "class/hwmon/hwmon2/name": "pwmfan",
    "class/hwmon/hwmon2/fan1_input": "3000",
    "class/hwmon/hwmon3/name": "rpi_volt",
    "class/hwmon/hwmon3/in0_lcrit_alarm": "1",
}
PC = {
    "class/thermal/thermal_zone0/type": "acpitz",
    "class/thermal/thermal_zone0/temp": "27800",
    "class/thermal/thermal_zone1/type": "pch_cannonlake",
    "class/thermal/thermal_zone1/temp": "66000",
    "class/thermal/thermal_zone2/type": "iwlwifi_1",
    "class/thermal/thermal_zone2/temp": "44000",
    "class/hwmon/hwmon0/name": "acpitz",
    "class/hwmon/hwmon0/temp1_input": "27800",
    "class/hwmon/hwmon1/name": "nvme",
    "class/hwmon/hwmon1/temp1_input": "71850",
    "class/hwmon/hwmon2/name": "coretemp",
    "class/hwmon/hwmon2/temp1_input": "55000",
    "class/hwmon/hwmon2/temp1_label": "Package id 0",
    "class/hwmon/hwmon2/temp2_input": "57000",
    "class/hwmon/hwmon2/temp2_label": "Core 0",
}
LAPTOP = PC | {
    "class/thermal/thermal_zone3/type": "x86_pkg_temp",
    "class/thermal/thermal_zone3/temp": "56000",
    "class/thermal/thermal_zone4/type": "BAT0",
    "class/thermal/thermal_zone4/temp": "31000",
}
RYZEN = {
    "class/hwmon/hwmon0/name": "k10temp",
    "class/hwmon/hwmon0/temp1_input": "75000",
    "class/hwmon/hwmon0/temp1_label": "Tctl",
    "class/hwmon/hwmon0/temp2_input": "48000",
    "class/hwmon/hwmon0/temp2_label": "Tdie",
    "class/hwmon/hwmon0/temp3_input": "50250",
    "class/hwmon/hwmon0/temp3_label": "Tccd1",
}
CLUSTERS = {  # an RK3588 with the mainline kernel, but for its package
    "class/thermal/thermal_zone0/type": "gpu-thermal",
    "class/thermal/thermal_zone0/temp": "80000",
    "class/thermal/thermal_zone1/type": "bigcore0-thermal",
    "class/thermal/thermal_zone1/temp": "50900",
    "class/thermal/thermal_zone2/type": "littlecore-thermal",
    "class/thermal/thermal_zone2/temp": "47100",
    "class/thermal/thermal_zone3/type": "bigcore2-thermal",
    "class/thermal/thermal_zone3/temp": "52700",
}
CORES = {
    "class/thermal/thermal_zone0/type": "battery",
    "class/thermal/thermal_zone0/temp": "30000",
    "class/thermal/thermal_zone1/type": "cpu0-thermal",
    "class/thermal/thermal_zone1/temp": "61000",
    "class/thermal/thermal_zone10/type": "cpu1-thermal",
    "class/thermal/thermal_zone10/temp": "66500",
    "class/thermal/thermal_zone2/type": "gpu-thermal",
    "class/thermal/thermal_zone2/temp": "70000",
}
CONTAINER: dict[str, str] = {}

MACHINES = {
    "pi4": PI4,
    "pi5": PI5,
    "pc": PC,
    "laptop": LAPTOP,
    "ryzen": RYZEN,
    "clusters": CLUSTERS,
    "cores": CORES,
    "container": CONTAINER,
}
