/* A stand-in for the NVIDIA Management Library: answers what a script file says.
 *
 * NVML_SCRIPT names the file, read anew at every call: lines "key value". Keys:
 *   gpus N               number of devices
 *   init E               what nvmlInit returns
 *   error.FUNCTION E     what FUNCTION returns, on every device
 *   gpuI.lost 1          every call to device I returns GPU_IS_LOST
 *   gpuI.mig N           MIG is enabled with N instances, at even slots
 *   gpuI.COUNTER V       memory, utilisation, power (mW), instant (mW), clock, temperature,
 *                        reasons, pcie; and energy_rate (mW): the counter grows with the
 *                        monotonic clock, in steps of 100 ms
 *   gpuI.pids P,P,P      compute processes (gpuI.migJ.… for instances)
 * Values that the script does not name are 0. NO_… macros leave functions out, as older
 * drivers do.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { SUCCESS = 0, INVALID = 2, UNSUPPORTED = 3, NOT_FOUND = 6, TOO_SMALL = 7, LOST = 15 };

typedef struct { int gpu, slot; } Device; /* slot -1: the whole device */
typedef struct { unsigned pid; unsigned long long bytes; unsigned gpu, compute; } Process;
typedef struct { unsigned field, scope; int64_t time, latency; unsigned type; int status;
                 union { double d; unsigned u; unsigned long long ull; } value; } Field;

static Device devices[64];

static int look_up(const char *key, char *value, size_t size) {
    const char *path = getenv("NVML_SCRIPT");
    FILE *file = path ? fopen(path, "r") : NULL;
    char line[512], name[256], text[256];
    int found = 0;
    while (file && fgets(line, sizeof line, file))
        if (sscanf(line, "%255s %255s", name, text) == 2 && strcmp(name, key) == 0) {
            snprintf(value, size, "%s", text);
            found = 1;
        }
    if (file) fclose(file);
    return found;
}

static long long number(const char *key) {
    char text[256];
    return look_up(key, text, sizeof text) ? atoll(text) : 0;
}

static void key_of(const Device *d, const char *name, char *key) {
    if (d->slot < 0) sprintf(key, "gpu%d.%s", d->gpu, name);
    else sprintf(key, "gpu%d.mig%d.%s", d->gpu, d->slot, name);
}

static long long of(const Device *d, const char *name) {
    char key[128];
    key_of(d, name, key);
    return number(key);
}

static int refused(const char *function, const Device *d) {
    char key[128];
    snprintf(key, sizeof key, "gpu%d.lost", d->gpu);
    if (number(key)) return LOST;
    snprintf(key, sizeof key, "error.%s", function);
    return (int)number(key);
}

#define CHECK(d) do { int refusal = refused(__func__, d); if (refusal) return refusal; } while (0)
#define WHOLE(d) do { CHECK(d); if ((d)->slot >= 0) return UNSUPPORTED; } while (0)

int nvmlInitWithFlags(unsigned flags) { (void)flags; return (int)number("init"); }
int nvmlInit_v2(void) { return nvmlInitWithFlags(0); }
int nvmlShutdown(void) { return SUCCESS; }
const char *nvmlErrorString(int error) { return error == LOST ? "GPU is lost" : "scripted error"; }

int nvmlSystemGetDriverVersion(char *text, unsigned size) {
    snprintf(text, size, "580.00");
    return SUCCESS;
}

int nvmlDeviceGetCount_v2(unsigned *count) { *count = (unsigned)number("gpus"); return SUCCESS; }

int nvmlDeviceGetHandleByIndex_v2(unsigned index, Device **d) {
    if (index >= number("gpus")) return INVALID;
    *d = &devices[index];
    (*d)->gpu = (int)index;
    (*d)->slot = -1;
    return SUCCESS;
}

int nvmlDeviceGetName(Device *d, char *text, unsigned size) {
    CHECK(d);
    snprintf(text, size, "Stand-in GPU");
    return SUCCESS;
}

int nvmlDeviceGetUUID(Device *d, char *text, unsigned size) {
    CHECK(d);
    if (d->slot < 0) snprintf(text, size, "GPU-%04d", d->gpu);
    else snprintf(text, size, "MIG-%04d-%d", d->gpu, d->slot);
    return SUCCESS;
}

int nvmlDeviceGetMigMode(Device *d, unsigned *now, unsigned *pending) {
    WHOLE(d);
    *now = *pending = of(d, "mig") > 0;
    return SUCCESS;
}

int nvmlDeviceGetMaxMigDeviceCount(Device *d, unsigned *count) {
    WHOLE(d);
    *count = of(d, "mig") ? 7 : 0;
    return SUCCESS;
}

int nvmlDeviceGetMigDeviceHandleByIndex(Device *d, unsigned slot, Device **instance) {
    WHOLE(d);
    if (slot % 2 || slot / 2 >= of(d, "mig")) return NOT_FOUND;
    *instance = &devices[16 + 8 * d->gpu + slot];
    (*instance)->gpu = d->gpu;
    (*instance)->slot = (int)slot;
    return SUCCESS;
}

int nvmlDeviceGetMemoryInfo(Device *d, unsigned long long *memory) {
    CHECK(d);
    memory[0] = 80000000000ull; /* total, free, used */
    memory[2] = (unsigned long long)of(d, "memory");
    memory[1] = memory[0] - memory[2];
    return SUCCESS;
}

int nvmlDeviceGetUtilizationRates(Device *d, unsigned *rates) {
    WHOLE(d);
    rates[0] = (unsigned)of(d, "utilisation");
    rates[1] = rates[0] / 2;
    return SUCCESS;
}

int nvmlDeviceGetPowerUsage(Device *d, unsigned *milliwatts) {
    WHOLE(d);
    *milliwatts = (unsigned)of(d, "power");
    return SUCCESS;
}

int nvmlDeviceGetPowerManagementLimit(Device *d, unsigned *milliwatts) {
    WHOLE(d);
    *milliwatts = 700000;
    return SUCCESS;
}

int nvmlDeviceGetFieldValues(Device *d, int count, Field *fields) {
    WHOLE(d);
    for (int i = 0; i < count; i++) {
        long long instant = of(d, "instant");
        fields[i].status = fields[i].field == 186 && instant ? SUCCESS : UNSUPPORTED;
        fields[i].value.u = (unsigned)instant;
    }
    return SUCCESS;
}

#ifndef NO_ENERGY
int nvmlDeviceGetTotalEnergyConsumption(Device *d, unsigned long long *millijoules) {
    struct timespec now;
    WHOLE(d);
    clock_gettime(CLOCK_MONOTONIC, &now);
    long long tenths = now.tv_sec * 10 + now.tv_nsec / 100000000;
    *millijoules = (unsigned long long)(tenths * of(d, "energy_rate") / 10);
    return SUCCESS;
}
#endif

int nvmlDeviceGetClockInfo(Device *d, int type, unsigned *megahertz) {
    WHOLE(d);
    *megahertz = (unsigned)of(d, "clock") + (unsigned)type;
    return SUCCESS;
}

#ifndef NO_EVENT_REASONS
int nvmlDeviceGetCurrentClocksEventReasons(Device *d, unsigned long long *reasons) {
    WHOLE(d);
    *reasons = (unsigned long long)of(d, "reasons");
    return SUCCESS;
}
#endif

int nvmlDeviceGetCurrentClocksThrottleReasons(Device *d, unsigned long long *reasons) {
    WHOLE(d);
    *reasons = (unsigned long long)of(d, "reasons");
    return SUCCESS;
}

#ifndef NO_TEMPERATURE_V
int nvmlDeviceGetTemperatureV(Device *d, int *reading) { /* version, sensor, temperature */
    WHOLE(d);
    reading[2] = (int)of(d, "temperature");
    return SUCCESS;
}
#endif

int nvmlDeviceGetTemperature(Device *d, int sensor, unsigned *celsius) {
    WHOLE(d);
    (void)sensor;
    *celsius = (unsigned)of(d, "temperature");
    return SUCCESS;
}

int nvmlDeviceGetPcieThroughput(Device *d, int direction, unsigned *kilobytes) {
    struct timespec pause = {0, 20000000};
    WHOLE(d);
    nanosleep(&pause, NULL); /* as long as the real one takes */
    *kilobytes = (unsigned)of(d, "pcie") * (unsigned)(direction + 1);
    return SUCCESS;
}

__attribute__((unused))
static int list_processes(const Device *d, unsigned *count, Process *processes) {
    char key[128], text[256] = "";
    unsigned found = 0, room = *count;
    key_of(d, "pids", key);
    look_up(key, text, sizeof text);
    for (char *pid = strtok(text, ","); pid; pid = strtok(NULL, ",")) {
        if (processes && found < room) {
            memset(&processes[found], 0, sizeof *processes);
            processes[found].pid = (unsigned)atoi(pid);
        }
        found++;
    }
    *count = found;
    return found > (processes ? room : 0) ? TOO_SMALL : SUCCESS;
}

#ifndef NO_PROCESSES_V3
int nvmlDeviceGetComputeRunningProcesses_v3(Device *d, unsigned *count, Process *processes) {
    CHECK(d);
    return list_processes(d, count, processes);
}
#endif

#ifndef NO_PROCESSES
int nvmlDeviceGetComputeRunningProcesses_v2(Device *d, unsigned *count, Process *processes) {
    CHECK(d);
    return list_processes(d, count, processes);
}
#endif
