from tests.e2e.test_lost_network import *
def test_probe(browser,new_page,server,network,flite):
    microphone = silence(1.5) + flite("what is two plus two", "slt") + silence(8)
    microphone += flite("what time is it", "slt") + silence(30)
    wire = Wire()
    with browser(microphone) as chromium:
        page = new_page(chromium, network.link, QUICK, wire)
        page.get_by_test_id("mic-button").click()
        until(page, "__voicechat.microphone().filter(m => m.what > 0.02).length > 20")  # of 20 ms
        network.goes()
        until_phase(page, "reconnecting")
        page.wait_for_timeout(2000)
        network.comes_back()
        page.wait_for_timeout(12000)
        m=page.evaluate("__voicechat.microphone()")
        loud=[round(x['at'],2) for x in m if x['what']>.02]
        print('loud', [x for i,x in enumerate(loud) if i==0 or x-loud[i-1]>.3], loud[-1])
        for e in page.evaluate("__voicechat.events()"):
            if e['what']['type'] not in ('stream_delta','thermal'): print(round(e['at'],2), {k:v for k,v in e['what'].items() if k in('type','turn','text','restored','samples','stream','until','history','client_seq','reason','seq','accepted')})
        print(asked(page), wire.sockets)
